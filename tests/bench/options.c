/* SPDX-License-Identifier: MIT */
#include "tests/bench/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CONNECTIONS 60000
#define MAX_INFLIGHT 65536
#define MAX_IDS 1000000
#define MAX_PUBLISHERS 16 /* states that backup.mjs makes for them */
#define MAX_SIZE (4u << 20)

enum {
    OPT_URL,
    OPT_MODE,
    OPT_LABEL,
    OPT_DIALECT,
    OPT_WRITER_DIALECT,
    OPT_CONNECTIONS,
    OPT_INFLIGHT,
    OPT_WINDOW,
    OPT_IDLE,
    OPT_SUBSCRIBERS,
    OPT_PUBLISHERS,
    OPT_SUBSCRIPTIONS,
    OPT_SIZE,
    OPT_COUNT,
    OPT_NO_VERIFY,
    OPT_IDS,
    OPT_SECONDS,
    OPT_WARMUP,
    OPT_TIMEOUT,
    OPT_RATE,
    OPT_PID,
    OPT_HELP,
};

static const struct option names[] = {
    {"url", required_argument, NULL, OPT_URL},
    {"mode", required_argument, NULL, OPT_MODE},
    {"label", required_argument, NULL, OPT_LABEL},
    {"dialect", required_argument, NULL, OPT_DIALECT},
    {"writer-dialect", required_argument, NULL, OPT_WRITER_DIALECT},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"inflight", required_argument, NULL, OPT_INFLIGHT},
    {"window", required_argument, NULL, OPT_WINDOW},
    {"idle", required_argument, NULL, OPT_IDLE},
    {"subscribers", required_argument, NULL, OPT_SUBSCRIBERS},
    {"publishers", required_argument, NULL, OPT_PUBLISHERS},
    {"subscriptions", required_argument, NULL, OPT_SUBSCRIPTIONS},
    {"size", required_argument, NULL, OPT_SIZE},
    {"count", required_argument, NULL, OPT_COUNT},
    {"no-verify", no_argument, NULL, OPT_NO_VERIFY},
    {"ids", required_argument, NULL, OPT_IDS},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"rate", required_argument, NULL, OPT_RATE},
    {"pid", required_argument, NULL, OPT_PID},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char HELP[] =
    "iobus-bench --url HOST:PORT --mode MODE [option]...\n"
    "\n"
    "Measures a server that speaks ioBroker's commands, or one to compare it with, and checks its\n"
    "answers. Prints one line of JSON; exit status 0 means that every answer arrived and was "
    "right.\n"
    "\n"
    "  --mode setState|getState|getStates   one request each, acknowledged; writes are read back\n"
    "         writeFile64|readFile64        files of --size bytes (65536)\n"
    "         fanout                        --publishers write, --subscribers watch all that they\n"
    "                                       write; an operation is a delivery\n"
    "         connect                       open, enter, first answer, close\n"
    "         idle                          --connections that do nothing; memory of each\n"
    "  --dialect D       sio2 (default), sio5, poll2, poll5, iobws; mqtt, nchan, resp\n"
    "  --writer-dialect D  of the publishers, where it differs\n"
    "  --connections N   (1)      --inflight N    requests under way per connection (1)\n"
    "  --subscribers N   (1)      --ids N         states bench.0.s0 to N-1, shared out (1000)\n"
    "  --publishers N    (1)      --subscriptions N  more of each subscriber, never written (0)\n"
    "  --idle N          more connections, that do nothing (0)\n"
    "  --window N        requests under way over all connections (no limit)\n"
    "  --seconds S       (5)      --warmup S      (1)       --timeout S     without progress (10)\n"
    "  --count N         just so many operations (fanout: changes), without warm-up\n"
    "  --rate R          operations per second overall (fanout: changes), sent at their time\n"
    "                    whatever the answers do; latency counts from that time\n"
    "  --no-verify       do not read back what was written\n"
    "  --pid PID[,PID]   the server's processes, for CPU time and memory\n"
    "  --label TEXT      copied to the report\n";

static int wrong(const char *name, const char *text)
{
    fprintf(stderr, "iobus-bench: --%s: not a valid value: %s\n", name, text);
    return -1;
}

static int take_number(const char *name, const char *text, uint32_t min, uint32_t max,
                       uint32_t *value)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || number < min || number > max)
        return wrong(name, text);
    *value = (uint32_t)number;
    return 0;
}

static int take_count(const char *name, const char *text, uint32_t max, uint32_t *value)
{
    return take_number(name, text, 1, max, value);
}

static int take_decimal(const char *name, const char *text, double min, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if (end == text || *end || !(*value >= min) || *value > 1e9)
        return wrong(name, text);
    return 0;
}

static int take_pids(options_t *self, const char *text)
{
    const char *at = text;
    for (;;) {
        char *end;
        long pid = strtol(at, &end, 10);
        if (end == at || pid < 1 || pid > 0x7fffffff || self->pid_count == OPTIONS_MAX_PIDS)
            return wrong("pid", text);
        self->pids[self->pid_count++] = (pid_t)pid;
        if (*end == '\0')
            return 0;
        if (*end != ',')
            return wrong("pid", text);
        at = end + 1;
    }
}

static int take_text(options_t *self, int option, const char *text)
{
    switch (option) {
    case OPT_URL:
        /* The `ready` line of a server names a whole URL; it may be given as it is. */
        self->url = strncmp(text, "http://", 7) == 0 ? text + 7 : text;
        return 0;
    case OPT_MODE:
        self->mode = text;
        return 0;
    case OPT_LABEL:
        self->label = text;
        return 0;
    case OPT_DIALECT:
        self->dialect = text;
        return 0;
    case OPT_WRITER_DIALECT:
        self->writer_dialect = text;
        return 0;
    case OPT_NO_VERIFY:
        self->no_verify = true;
        return 0;
    case OPT_PID:
        return take_pids(self, text);
    case OPT_HELP:
        fputs(HELP, stdout);
        return 1;
    default: /* getopt_long has said what is wrong */
        return -1;
    }
}

static int take_operations(options_t *self, const char *text)
{
    uint32_t count;
    if (take_count("count", text, UINT32_MAX, &count) != 0)
        return -1;
    self->count = count;
    self->warmup = 0;
    return 0;
}

static int take(options_t *self, int option, const char *text)
{
    switch (option) {
    case OPT_CONNECTIONS:
        return take_count("connections", text, MAX_CONNECTIONS, &self->connections);
    case OPT_INFLIGHT:
        return take_count("inflight", text, MAX_INFLIGHT, &self->inflight);
    case OPT_WINDOW:
        return take_count("window", text, UINT32_MAX, &self->window);
    case OPT_IDLE:
        return take_number("idle", text, 0, MAX_CONNECTIONS, &self->idle);
    case OPT_SUBSCRIBERS:
        return take_count("subscribers", text, MAX_CONNECTIONS, &self->subscribers);
    case OPT_PUBLISHERS:
        return take_count("publishers", text, MAX_PUBLISHERS, &self->publishers);
    case OPT_SUBSCRIPTIONS:
        return take_number("subscriptions", text, 0, MAX_IDS, &self->subscriptions);
    case OPT_SIZE:
        return take_count("size", text, MAX_SIZE, &self->size);
    case OPT_IDS:
        return take_count("ids", text, MAX_IDS, &self->ids);
    case OPT_COUNT:
        return take_operations(self, text);
    case OPT_SECONDS:
        return take_decimal("seconds", text, 0.01, &self->seconds);
    case OPT_WARMUP:
        return take_decimal("warmup", text, 0, &self->warmup);
    case OPT_TIMEOUT:
        return take_decimal("timeout", text, 0.1, &self->timeout);
    case OPT_RATE:
        return take_decimal("rate", text, 0.1, &self->rate);
    default:
        return take_text(self, option, text);
    }
}

int options_parse(options_t *self, int argc, char **argv)
{
    *self = (options_t){
        .label = "",
        .dialect = "sio2",
        .connections = 1,
        .inflight = 1,
        .window = UINT32_MAX,
        .subscribers = 1,
        .publishers = 1,
        .size = 65536,
        .ids = 1000,
        .seconds = 5,
        .warmup = 1,
        .timeout = 10,
    };
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        int result = take(self, option, optarg);
        if (result != 0)
            return result;
    }
    if (optind < argc || !self->url || !self->mode) {
        fputs("iobus-bench: needs --url and --mode, and nothing but options; see --help\n", stderr);
        return -1;
    }
    return 0;
}
