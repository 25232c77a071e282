/* SPDX-License-Identifier: MIT */
#include "actors/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_read.h"
#include "actors/cli.h"
#include "actors/progress.h"
#include "actors/tool_bus.h"

#define PAIRS_MAX 500
#define PAIRS_BYTES (1024u * 1024u)

/* Objects or states that are collected for one request. */
typedef struct {
    const char *actor;
    const char *command;
    uint32_t count;
    buf_t pairs;
} batch_t;

typedef struct {
    config_t *config;
    const char *path;
    const char *server; /* NULL: what the configuration says */
    bool dry_run;
    int fd;
    struct stat info;
    char host[256];
    tool_bus_t *bus;
    batch_t objects, states;
    progress_t progress;
    backup_summary_t summary;
} import_t;

/* --- arguments ------------------------------------------------------------------------------- */

static int read_args(import_t *self, int argc, char **argv)
{
    static const char *const flags[] = {"--dry-run", "--server", NULL};
    int status = cli_load(self->config, &argc, argv, flags);
    for (int i = 1; i < argc && status == CLI_OK; i++) {
        if (tool_flag(argc, argv, &i, "--server", &self->server))
            status = self->server ? CLI_OK : cli_usage("import: --server needs a value");
        else if (strcmp(argv[i], "--dry-run") == 0)
            self->dry_run = true;
        else if (argv[i][0] == '-' || self->path)
            status = cli_usage("import: unexpected argument \"%s\"", argv[i]);
        else
            self->path = argv[i];
    }
    if (status == CLI_OK && !self->path)
        status = cli_usage("import: which FILE?");
    return status;
}

static err_t open_file(import_t *self, buf_t *why)
{
    self->fd = open(self->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (self->fd < 0 || fstat(self->fd, &self->info) != 0) {
        buf_append_cstr(why, strerror(errno));
        return ERR_IO;
    }
    if (!S_ISREG(self->info.st_mode)) {
        buf_append_cstr(why, "it is no regular file");
        return ERR_IO;
    }
    return ERR_OK;
}

/* --- first pass ------------------------------------------------------------------------------ */

static void on_progress(void *arg, uint64_t packed_bytes)
{
    import_t *self = arg;
    progress_show(&self->progress, packed_bytes);
}

static void find_host(import_t *self)
{
    const char *name = config_text(self->config, "host-name");
    if (name[0])
        snprintf(self->host, sizeof self->host, "%s", name);
    else if (gethostname(self->host, sizeof self->host - 1) != 0)
        snprintf(self->host, sizeof self->host, "localhost");
}

static err_t read_archive(import_t *self, const char *label, const backup_ops_t *ops, buf_t *why)
{
    backup_limits_t limits = backup_limits(self->config);
    self->progress = progress_begin(label, (uint64_t)self->info.st_size);
    err_t err = backup_read_fd(self->fd, self->host, &limits, ops, self, &self->summary, why);
    progress_end(&self->progress);
    return err;
}

static err_t check_archive(import_t *self, buf_t *why)
{
    static const backup_ops_t ops = {.progress = on_progress};
    return read_archive(self, "checking", &ops, why);
}

/* --- second pass ----------------------------------------------------------------------------- */

static err_t flush(import_t *self, batch_t *batch, buf_t *why)
{
    if (batch->count == 0)
        return ERR_OK;
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_array(&args, batch->count);
    mp_put_raw(&args, mp_of_buf(&batch->pairs));
    err_t err = tool_bus_post(self->bus, batch->actor, batch->command, mp_of_buf(&args), why);
    buf_fini(&args);
    buf_reset(&batch->pairs);
    batch->count = 0;
    return err;
}

static err_t add(import_t *self, batch_t *batch, str_t id, mp_t value, buf_t *why)
{
    mp_put_array(&batch->pairs, 2);
    mp_put_str(&batch->pairs, id);
    mp_put_raw(&batch->pairs, value);
    batch->count++;
    return batch->count >= PAIRS_MAX || batch->pairs.len >= PAIRS_BYTES ? flush(self, batch, why)
                                                                        : ERR_OK;
}

static err_t write_object(void *arg, str_t id, mp_t object, buf_t *why)
{
    import_t *self = arg;
    return add(self, &self->objects, id, object, why);
}

static err_t write_state(void *arg, str_t id, mp_t state, buf_t *why)
{
    import_t *self = arg;
    return add(self, &self->states, id, state, why);
}

static err_t write_file(void *arg, str_t storage, str_t name, str_t bytes, int64_t mtime_ms,
                        buf_t *why)
{
    import_t *self = arg;
    buf_t args = {0};
    mp_put_array(&args, 4);
    mp_put_str(&args, storage);
    mp_put_str(&args, name);
    mp_put_bin(&args, bytes.p, bytes.len);
    if (mtime_ms > 0) {
        mp_put_map(&args, 1);
        mp_put_cstr(&args, "modifiedAt");
        mp_put_int(&args, mtime_ms);
    } else {
        mp_put_nil(&args);
    }
    err_t err = ERR_NO_MEMORY;
    if (!args.failed)
        err = tool_bus_post(self->bus, "files", "files.put", mp_of_buf(&args), why);
    buf_fini(&args);
    return err;
}

/* Somebody may have written to the file since it was checked. */
static err_t check_unchanged(const import_t *self, buf_t *why)
{
    struct stat now;
    if (fstat(self->fd, &now) == 0 && now.st_size == self->info.st_size &&
        now.st_mtim.tv_sec == self->info.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == self->info.st_mtim.tv_nsec)
        return ERR_OK;
    buf_append_cstr(why, "it was changed while it was read");
    return ERR_IO;
}

static err_t write_all(import_t *self, buf_t *why)
{
    static const backup_ops_t ops = {write_object, write_state, write_file, on_progress};
    self->objects = (batch_t){.actor = "objects", .command = "objects.put"};
    self->states = (batch_t){.actor = "states", .command = "states.put"};
    err_t err = check_unchanged(self, why);
    if (err == ERR_OK)
        err = read_archive(self, "writing", &ops, why);
    if (err == ERR_OK)
        err = flush(self, &self->objects, why);
    if (err == ERR_OK)
        err = flush(self, &self->states, why);
    if (err == ERR_OK)
        err = tool_bus_finish(self->bus, why);
    buf_fini(&self->objects.pairs);
    buf_fini(&self->states.pairs);
    return err;
}

/* --- summary --------------------------------------------------------------------------------- */

static void put_count(buf_t *out, uint64_t count, const char *noun, const char *behind)
{
    buf_printf(out, "%llu %s%s%s", (unsigned long long)count, noun, count == 1 ? "" : "s", behind);
}

static int print_summary(const import_t *self, str_t target)
{
    buf_t out = {0};
    const backup_summary_t *summary = &self->summary;
    buf_append_cstr(&out, self->dry_run ? "would import " : "imported ");
    put_count(&out, summary->objects, "object", ", ");
    put_count(&out, summary->states, "state", " and ");
    put_count(&out, summary->files, "file", "");
    buf_printf(&out, " (%llu bytes) into %.*s\n", (unsigned long long)summary->file_bytes,
               STR_ARG(target));
    for (size_t i = 0; i < BACKUP_SKIPS_MAX && summary->skips[i].reason; i++)
        buf_printf(&out, "skipped %llu: %s (%s%s)\n", (unsigned long long)summary->skips[i].count,
                   summary->skips[i].reason, summary->skips[i].example,
                   summary->skips[i].count > 1 ? ", ..." : "");
    if (self->dry_run)
        buf_append_cstr(&out, "dry run: nothing was written\n");
    bool written = fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_fini(&out);
    return written ? CLI_OK : cli_fail("cannot write to standard output");
}

/* Frees why. */
static int report(buf_t *why)
{
    int status = cli_fail("%.*s", STR_ARG(buf_str(why)));
    buf_fini(why);
    return status;
}

/* --- the verb -------------------------------------------------------------------------------- */

static int write_to_bus(import_t *self)
{
    buf_t why = {0};
    int status = CLI_OK;
    if (write_all(self, &why) != ERR_OK)
        status =
            cli_fail("%s: writing stopped: %.*s; what was written before stays, and the import "
                     "may be repeated",
                     self->path, STR_ARG(buf_str(&why)));
    buf_fini(&why);
    return status;
}

static int import_checked(import_t *self)
{
    buf_t why = {0}, target = {0};
    int status = CLI_OK;
    if (self->server && tool_use_server(self->config, self->server, &why) != ERR_OK)
        return report(&why);
    self->bus = tool_bus_open(self->config, self->server != NULL, &why);
    if (!self->bus)
        return report(&why);
    tool_bus_describe(self->bus, &target);
    status = write_to_bus(self);
    if (!tool_bus_close(&self->bus, &why))
        status = report(&why);
    if (status == CLI_OK)
        status = print_summary(self, buf_str(&target));
    buf_fini(&target);
    return status;
}

int cli_import(int argc, char **argv, config_t *config)
{
    import_t self = {.config = config, .fd = -1};
    buf_t why = {0};
    int status = read_args(&self, argc, argv);
    if (status == CLI_OK) {
        find_host(&self);
        if (open_file(&self, &why) != ERR_OK || check_archive(&self, &why) != ERR_OK)
            status = cli_fail("%s: %.*s; nothing was changed", self.path, STR_ARG(buf_str(&why)));
        else if (self.dry_run)
            status = print_summary(&self,
                                   str_of(self.server ? self.server : config_text(config, "data")));
        else
            status = import_checked(&self);
    }
    if (self.fd >= 0)
        close(self.fd);
    buf_fini(&why);
    return status;
}
