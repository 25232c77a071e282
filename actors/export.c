/* SPDX-License-Identifier: MIT */
#include "actors/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/backup_path.h"
#include "actors/cli.h"
#include "actors/export_tar.h"
#include "actors/progress.h"
#include "actors/tool_bus.h"
#include "bus/json.h"

typedef struct {
    config_t *config;
    const char *path;
    const char *server; /* NULL: what the configuration says */
    tool_bus_t *bus;
    export_tar_t *tar;
    export_spool_t *objects, *states;
    progress_t progress;
    uint64_t object_count, state_count, file_count, file_bytes, done;
    uint64_t left_out; /* files whose names cannot be written */
    buf_t args, answer, line;
    buf_t why;
} export_t;

static int read_args(export_t *self, int argc, char **argv)
{
    static const char *const flags[] = {"--server", NULL};
    int status = cli_load(self->config, &argc, argv, flags);
    for (int i = 1; i < argc && status == CLI_OK; i++) {
        if (tool_flag(argc, argv, &i, "--server", &self->server))
            status = self->server ? CLI_OK : cli_usage("export: --server needs a value");
        else if (argv[i][0] == '-' || self->path)
            status = cli_usage("export: unexpected argument \"%s\"", argv[i]);
        else
            self->path = argv[i];
    }
    if (status == CLI_OK && !self->path)
        status = cli_usage("export: which FILE?");
    return status;
}

/* --- scanning -------------------------------------------------------------------------------- */

static err_t malformed(export_t *self, const char *command)
{
    buf_printf(&self->why, "%s: unexpected answer", command);
    return ERR_BAD_FRAME;
}

typedef struct {
    export_t *export;
    err_t (*take)(export_t *self, mp_t item);
} step_t;

static err_t take_item(void *arg, mp_t item, buf_t *why)
{
    step_t *step = arg;
    (void)why; /* is self->why */
    progress_show(&step->export->progress, ++step->export->done);
    return step->take(step->export, item);
}

static err_t scan(export_t *self, const char *actor, const char *command,
                  err_t (*take)(export_t *self, mp_t item))
{
    step_t step = {self, take};
    return tool_bus_scan(self->bus, actor, command, take_item, &step, &self->why);
}

/* --- objects and states ---------------------------------------------------------------------- */

static bool read_pair(mp_t item, str_t *id, mp_t *value)
{
    mp_t first;
    return mp_at(item, 0, &first) && mp_read_str(&first, id) && mp_at(item, 1, value);
}

/* The object as JSON, with the id that it is stored under. */
static void put_object(buf_t *out, str_t id, mp_t object)
{
    str_t own;
    if (mp_find_str(object, "_id", &own) && str_eq(own, id)) {
        json_from_mp(out, object, NULL);
        return;
    }
    size_t at = out->len;
    json_from_mp(out, object, NULL);
    bool empty = out->len - at == 2;
    str_t rest = {(const char *)out->data + at + 1, out->len - at - 1};
    char *copy = str_dup(rest);
    out->len = at;
    buf_append_cstr(out, "{\"_id\":");
    json_put_str(out, id);
    if (!empty)
        buf_append_byte(out, ',');
    buf_append(out, copy ? copy : "}", copy ? rest.len : 1);
    out->failed = out->failed || !copy;
    free(copy);
}

static err_t write_line(export_t *self, export_spool_t *spool)
{
    buf_append_byte(&self->line, '\n');
    if (self->line.failed) {
        buf_append_cstr(&self->why, "out of memory");
        return ERR_NO_MEMORY;
    }
    return export_spool_write(spool, buf_str(&self->line), &self->why);
}

static err_t take_object(export_t *self, mp_t item)
{
    str_t id;
    mp_t object;
    if (!read_pair(item, &id, &object) || mp_type(object) != MP_MAP)
        return malformed(self, "objects.scan");
    buf_reset(&self->line);
    put_object(&self->line, id, object);
    self->object_count++;
    return write_line(self, self->objects);
}

static err_t take_state(export_t *self, mp_t item)
{
    str_t id;
    mp_t state;
    if (!read_pair(item, &id, &state))
        return malformed(self, "states.scan");
    buf_reset(&self->line);
    buf_append_cstr(&self->line, "{\"id\":");
    json_put_str(&self->line, id);
    buf_append_cstr(&self->line, ",\"state\":");
    json_from_mp(&self->line, state, NULL);
    buf_append_byte(&self->line, '}');
    self->state_count++;
    return write_line(self, self->states);
}

/* --- files ----------------------------------------------------------------------------------- */

/* Whether the importer would take it under this name. */
static bool is_portable(str_t full, str_t storage, str_t name)
{
    backup_path_t parsed;
    if (backup_path_check(full))
        return false;
    parsed = backup_path_parse(full);
    return parsed.kind == BACKUP_FILE && str_eq(parsed.storage, storage) &&
           str_eq(parsed.name, name);
}

static err_t add_file(export_t *self, str_t storage, str_t name, const char *full, mp_t meta)
{
    mp_t value;
    str_t bytes = {"", 0};
    double mtime = 0;
    buf_reset(&self->args);
    mp_put_array(&self->args, 2);
    mp_put_str(&self->args, storage);
    mp_put_str(&self->args, name);
    err_t err = tool_bus_call(self->bus, "files", "files.get", mp_of_buf(&self->args),
                              &self->answer, &self->why);
    if (err == ERR_NOT_EXISTS) { /* deleted since its name was read */
        buf_reset(&self->why);
        return ERR_OK;
    }
    if (err != ERR_OK)
        return err;
    if (!mp_at(mp_of_buf(&self->answer), 1, &value) ||
        (!mp_read_bin(&value, &bytes) && !mp_read_str(&value, &bytes)))
        return malformed(self, "files.get");
    (void)mp_find_double(meta, "modifiedAt", &mtime);
    bool sensible = mtime > 0 && mtime < 4e12;
    self->file_count++;
    self->file_bytes += bytes.len;
    return export_tar_add(self->tar, full, bytes, sensible ? (int64_t)mtime : 0, &self->why);
}

static err_t take_file(export_t *self, mp_t item)
{
    mp_t first, second, meta = {0};
    str_t storage, name;
    if (!mp_at(item, 0, &first) || !mp_read_str(&first, &storage) || !mp_at(item, 1, &second) ||
        !mp_read_str(&second, &name))
        return malformed(self, "files.scan");
    (void)mp_at(item, 2, &meta);
    buf_reset(&self->line);
    buf_append_cstr(&self->line, "backup/files/");
    buf_append_str(&self->line, storage);
    buf_append_byte(&self->line, '/');
    buf_append_str(&self->line, name);
    str_t full = buf_str(&self->line);
    if (!is_portable(full, storage, name)) {
        self->left_out++;
        return ERR_OK;
    }
    buf_append_byte(&self->line, '\0');
    return add_file(self, storage, name, (const char *)self->line.data, meta);
}

/* --- the archive ----------------------------------------------------------------------------- */

static err_t add_config(export_t *self)
{
    char host[256] = "localhost";
    const char *name = config_text(self->config, "host-name");
    if (!name[0] && gethostname(host, sizeof host - 1) == 0)
        name = host;
    buf_reset(&self->line);
    buf_append_cstr(&self->line, "{\"system\":{\"hostname\":");
    json_put_str(&self->line, str_of(name));
    buf_append_cstr(&self->line,
                    "},\"objects\":{\"type\":\"jsonl\"},\"states\":{\"type\":\"jsonl\"}}");
    return export_tar_add(self->tar, "backup/config.json", buf_str(&self->line), 0, &self->why);
}

static err_t write_archive(export_t *self)
{
    self->objects = export_spool_open(self->tar, &self->why);
    self->states = self->objects ? export_spool_open(self->tar, &self->why) : NULL;
    err_t err = self->states ? ERR_OK : ERR_IO;
    if (err == ERR_OK)
        err = scan(self, "objects", "objects.scan", take_object);
    if (err == ERR_OK)
        err = scan(self, "states", "states.scan", take_state);
    if (err == ERR_OK)
        err = add_config(self);
    if (err == ERR_OK)
        err = scan(self, "files", "files.scan", take_file);
    if (err == ERR_OK)
        err = export_tar_add_spool(self->tar, "backup/objects.jsonl", self->objects, &self->why);
    if (err == ERR_OK)
        err = export_tar_add_spool(self->tar, "backup/states.jsonl", self->states, &self->why);
    if (err == ERR_OK)
        err = export_tar_finish(self->tar, &self->why);
    return err;
}

/* Starting actors would create a data folder; exporting nothing is a mistake. */
static err_t check_source(export_t *self)
{
    struct stat info;
    const char *data = config_text(self->config, "data");
    if (self->server)
        return tool_use_server(self->config, self->server, &self->why);
    if (config_is_set(self->config, "run") || (stat(data, &info) == 0 && S_ISDIR(info.st_mode)))
        return ERR_OK;
    buf_printf(&self->why, "there is no data folder %s", data);
    return ERR_IO;
}

static err_t export_all(export_t *self)
{
    err_t err = check_source(self);
    if (err != ERR_OK)
        return err;
    self->tar = export_tar_open(self->path, &self->why);
    if (!self->tar)
        return ERR_IO;
    self->bus = tool_bus_open(self->config, self->server != NULL, false, &self->why);
    if (!self->bus)
        return ERR_UNAVAILABLE;
    self->progress = progress_begin("exporting", 0);
    err = write_archive(self);
    progress_end(&self->progress);
    return err;
}

static void print_summary(const export_t *self)
{
    printf("exported %llu objects, %llu states and %llu files (%llu bytes) to %s\n",
           (unsigned long long)self->object_count, (unsigned long long)self->state_count,
           (unsigned long long)self->file_count, (unsigned long long)self->file_bytes, self->path);
    if (self->left_out)
        printf("left out %llu: files with names that an archive cannot have\n",
               (unsigned long long)self->left_out);
    printf("not exported: the values that history.0 has recorded\n");
}

int cli_export(int argc, char **argv, config_t *config)
{
    export_t self = {.config = config};
    int status = read_args(&self, argc, argv);
    if (status == CLI_OK) {
        if (export_all(&self) != ERR_OK)
            status = cli_fail("export: %.*s", STR_ARG(buf_str(&self.why)));
        buf_reset(&self.why);
        if (!tool_bus_close(&self.bus, &self.why))
            status = cli_fail("export: %.*s", STR_ARG(buf_str(&self.why)));
        if (status == CLI_OK)
            print_summary(&self);
    }
    export_spool_destroy(&self.objects);
    export_spool_destroy(&self.states);
    export_tar_destroy(&self.tar);
    buf_t *const buffers[] = {&self.args, &self.answer, &self.line, &self.why};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        buf_fini(buffers[i]);
    return status;
}
