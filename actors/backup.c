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
#include "actors/history_import.h"
#include "actors/history_names.h"
#include "actors/progress.h"
#include "actors/tool_bus.h"

#define PAIRS_MAX 500
#define ITEMS_BYTES (1024u * 1024u)

/* Objects, states or recorded values that are collected for one request. */
typedef struct {
    const char *actor;
    const char *command;
    uint32_t max;
    uint32_t count;
    buf_t id; /* whose values they are; empty: an item brings its own id */
    buf_t items;
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
    batch_t objects, states, values;
    history_names_t *names; /* of states that may have recorded values */
    bool names_are_open;    /* the archive has values of states that only the names tell */
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

/* Values may be recorded under another id than the state's own (aliasId). */
static err_t note_object(void *arg, str_t id, mp_t object, buf_t *why)
{
    import_t *self = arg;
    mp_t value;
    str_t alias;
    (void)why;
    err_t err = history_names_add(self->names, id);
    if (err == ERR_OK &&
        mp_path(object, &value, "common", "custom", "history.0", "aliasId", NULL) &&
        mp_read_str(&value, &alias))
        err = history_names_add(self->names, alias);
    return err;
}

static bool note_name(void *arg, str_t file_id, str_t *id)
{
    import_t *self = arg;
    self->names_are_open = self->names_are_open || history_names_is_open(file_id);
    *id = file_id;
    return true;
}

static err_t check_archive(import_t *self, buf_t *why)
{
    static const backup_ops_t ops = {
        .object = note_object, .find_id = note_name, .progress = on_progress};
    self->names = history_names_new();
    return self->names ? read_archive(self, "checking", &ops, why) : ERR_NO_MEMORY;
}

/* --- second pass ----------------------------------------------------------------------------- */

static err_t flush(import_t *self, batch_t *batch, buf_t *why)
{
    if (batch->count == 0)
        return ERR_OK;
    buf_t args = {0};
    mp_put_array(&args, batch->id.len ? 2 : 1);
    if (batch->id.len)
        mp_put_str(&args, buf_str(&batch->id));
    mp_put_array(&args, batch->count);
    mp_put_raw(&args, mp_of_buf(&batch->items));
    err_t err = ERR_NO_MEMORY;
    if (!args.failed && !batch->items.failed && !batch->id.failed)
        err = tool_bus_post(self->bus, batch->actor, batch->command, mp_of_buf(&args), why);
    buf_fini(&args);
    buf_reset(&batch->items);
    batch->count = 0;
    return err;
}

static err_t flush_full(import_t *self, batch_t *batch, buf_t *why)
{
    bool full = ++batch->count >= batch->max || batch->items.len >= ITEMS_BYTES;
    return full ? flush(self, batch, why) : ERR_OK;
}

static err_t add(import_t *self, batch_t *batch, str_t id, mp_t value, buf_t *why)
{
    mp_put_array(&batch->items, 2);
    mp_put_str(&batch->items, id);
    mp_put_raw(&batch->items, value);
    return flush_full(self, batch, why);
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

static err_t write_value(void *arg, str_t id, mp_t row, buf_t *why)
{
    import_t *self = arg;
    batch_t *batch = &self->values;
    if (!str_eq(buf_str(&batch->id), id)) {
        err_t err = flush(self, batch, why);
        if (err != ERR_OK)
            return err;
        buf_reset(&batch->id);
        buf_append_str(&batch->id, id);
    }
    mp_put_raw(&batch->items, row);
    return flush_full(self, batch, why);
}

static bool find_id(void *arg, str_t file_id, str_t *id)
{
    import_t *self = arg;
    return history_names_find(self->names, file_id, id);
}

static err_t note_item(void *arg, mp_t item, buf_t *why)
{
    mp_t first, object;
    str_t id;
    if (!mp_at(item, 0, &first) || !mp_read_str(&first, &id) || !mp_at(item, 1, &object))
        return ERR_OK; /* no name to learn from it */
    return note_object(arg, id, object, why);
}

/* The states that the archive has values of may be here already. */
static err_t find_names(import_t *self, buf_t *why)
{
    if (!self->names_are_open)
        return ERR_OK;
    return tool_bus_scan(self->bus, "objects", "objects.scan", note_item, self, why);
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

static err_t write_batches(import_t *self, buf_t *why)
{
    static const backup_ops_t ops = {.object = write_object,
                                     .state = write_state,
                                     .file = write_file,
                                     .value = write_value,
                                     .find_id = find_id,
                                     .progress = on_progress};
    batch_t *const batches[] = {&self->objects, &self->states, &self->values};
    err_t err = check_unchanged(self, why);
    if (err == ERR_OK)
        err = find_names(self, why);
    if (err == ERR_OK)
        err = read_archive(self, "writing", &ops, why);
    for (size_t i = 0; i < 3 && err == ERR_OK; i++)
        err = flush(self, batches[i], why);
    return err == ERR_OK ? tool_bus_finish(self->bus, why) : err;
}

static err_t write_all(import_t *self, buf_t *why)
{
    self->objects = (batch_t){.actor = "objects", .command = "objects.put", .max = PAIRS_MAX};
    self->states = (batch_t){.actor = "states", .command = "states.put", .max = PAIRS_MAX};
    self->values =
        (batch_t){.actor = "history", .command = "history.put", .max = HISTORY_IMPORT_ROWS};
    err_t err = write_batches(self, why);
    buf_fini(&self->objects.items);
    buf_fini(&self->states.items);
    buf_fini(&self->values.items);
    buf_fini(&self->values.id);
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
    buf_printf(&out, " (%llu bytes)", (unsigned long long)summary->file_bytes);
    if (summary->values) {
        buf_append_cstr(&out, ", and ");
        put_count(&out, summary->values, "recorded value", " of ");
        put_count(&out, summary->recorded, "state", ",");
    }
    buf_printf(&out, " into %.*s\n", STR_ARG(target));
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
    self->bus = tool_bus_open(self->config, self->server != NULL, self->summary.values > 0, &why);
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
    history_names_destroy(&self.names);
    buf_fini(&why);
    return status;
}
