/* SPDX-License-Identifier: MIT */
/* iobus upload FOLDER INSTANCE: a folder of web files into the file store. Small files are written
 * at once, large ones in pieces; a few requests are under way at a time, and no file is ever held
 * in memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/cli.h"
#include "actors/files_path.h"
#include "actors/progress.h"
#include "actors/safe_text.h"
#include "actors/tool_bus.h"
#include "actors/upload_scan.h"
#include "bus/sock.h"

#define PIECE (512u << 10) /* bytes of one request */

typedef struct {
    config_t *config;
    const char *folder;
    const char *storage; /* id of the meta object */
    const char *server;  /* NULL: what the configuration says */
    bool clean;          /* delete what the folder does not have */
    upload_scan_t *scan;
    tool_bus_t *bus;
    progress_t progress;
    uint64_t bytes; /* that were sent */
    char **old;     /* files that are to be deleted */
    size_t old_len, old_cap;
    int64_t begun_ms;
    char *piece;
    buf_t args, answer, why;
} upload_t;

/* --- arguments -------------------------------------------------------------------------------- */

static int check_words(const upload_t *self)
{
    buf_t clean = {0};
    if (!self->folder || !self->storage)
        return cli_usage("upload: iobus upload FOLDER INSTANCE [--delete] [--server ...]");
    bool sound = files_path_clean_id(str_of(self->storage), &clean) &&
                 str_is(buf_str(&clean), self->storage);
    buf_fini(&clean);
    return sound ? CLI_OK : cli_usage("upload: no INSTANCE can be called \"%s\"", self->storage);
}

static int read_args(upload_t *self, int argc, char **argv)
{
    static const char *const flags[] = {"--server", "--delete", NULL};
    int status = cli_load(self->config, &argc, argv, flags);
    for (int i = 1; i < argc && status == CLI_OK; i++) {
        if (tool_flag(argc, argv, &i, "--server", &self->server))
            status = self->server ? CLI_OK : cli_usage("upload: --server needs a value");
        else if (strcmp(argv[i], "--delete") == 0)
            self->clean = true;
        else if (argv[i][0] == '-' || self->storage)
            status = cli_usage("upload: unexpected argument \"%s\"", argv[i]);
        else if (self->folder)
            self->storage = argv[i];
        else
            self->folder = argv[i];
    }
    return status == CLI_OK ? check_words(self) : status;
}

/* A data folder is not made on the way: nobody wants files in a folder with a wrong name. */
static err_t check_data(upload_t *self)
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

/* --- requests --------------------------------------------------------------------------------- */

static buf_t *begin(upload_t *self, uint32_t count)
{
    buf_reset(&self->args);
    mp_put_array(&self->args, count);
    return &self->args;
}

static err_t call(upload_t *self, const char *actor, const char *command)
{
    if (self->args.failed)
        return ERR_NO_MEMORY;
    return tool_bus_call(self->bus, actor, command, mp_of_buf(&self->args), &self->answer,
                         &self->why);
}

static err_t post(upload_t *self, const char *command)
{
    if (self->args.failed)
        return ERR_NO_MEMORY;
    return tool_bus_post(self->bus, "files", command, mp_of_buf(&self->args), &self->why);
}

/* --- the object of the storage ---------------------------------------------------------------- */

static bool is_instance(const char *storage)
{
    const char *dot = strrchr(storage, '.');
    return dot && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1);
}

static err_t make_storage(upload_t *self)
{
    size_t len = strlen(self->storage);
    bool admin = len > 6 && strcmp(self->storage + len - 6, ".admin") == 0;
    const char *type = is_instance(self->storage) ? "meta.user" : admin ? "admin" : "www";
    buf_t *args = begin(self, 2);
    mp_put_cstr(args, self->storage);
    mp_put_map(args, 3);
    mp_put_cstr(args, "type");
    mp_put_cstr(args, "meta");
    mp_put_cstr(args, "common");
    mp_put_map(args, 2);
    mp_put_cstr(args, "name");
    mp_put_cstr(args, self->storage);
    mp_put_cstr(args, "type");
    mp_put_cstr(args, type);
    mp_put_cstr(args, "native");
    mp_put_map(args, 0);
    return call(self, "objects", "setObject");
}

/* The files actor takes files only for objects of type meta. */
static err_t require_storage(upload_t *self)
{
    mp_t list, object;
    str_t type;
    buf_t *args = begin(self, 1);
    mp_put_array(args, 1);
    mp_put_cstr(args, self->storage);
    err_t err = call(self, "objects", "objects.get");
    if (err != ERR_OK)
        return err;
    if (!mp_at(mp_of_buf(&self->answer), 1, &list) || !mp_at(list, 0, &object) ||
        mp_type(object) == MP_NIL)
        return make_storage(self);
    if (mp_find_str(object, "type", &type) && str_is(type, "meta"))
        return ERR_OK;
    buf_printf(&self->why, "the object %s is not of type meta: it cannot hold files",
               self->storage);
    return ERR_CUSTOM;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Fills the piece; fewer bytes only at the end of the file. -1: an error, in why. */
static ssize_t read_piece(upload_t *self, int fd)
{
    size_t len = 0;
    while (len < PIECE) {
        ssize_t got = read(fd, self->piece + len, PIECE - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            buf_append_cstr(&self->why, strerror(errno));
            return -1;
        }
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static void put_name(upload_t *self, buf_t *args, const upload_file_t *file)
{
    mp_put_cstr(args, self->storage);
    mp_put_cstr(args, file->path);
}

static err_t write_small(upload_t *self, const upload_file_t *file, size_t len)
{
    buf_t *args = begin(self, 3);
    put_name(self, args, file);
    mp_put_bin(args, self->piece, len);
    self->bytes += len;
    return post(self, "writeFile");
}

/* The first piece is read; the others follow. */
static err_t append_pieces(upload_t *self, int fd, uint64_t token, ssize_t len)
{
    uint64_t offset = 0;
    err_t err = ERR_OK;
    while (len > 0 && err == ERR_OK) {
        buf_t *args = begin(self, 3);
        mp_put_uint(args, token);
        mp_put_uint(args, offset);
        mp_put_bin(args, self->piece, (size_t)len);
        err = post(self, "files.append");
        offset += (uint64_t)len;
        self->bytes += (uint64_t)len;
        progress_show(&self->progress, self->bytes);
        if (err == ERR_OK)
            len = read_piece(self, fd);
    }
    return err == ERR_OK && len < 0 ? ERR_IO : err;
}

/* The server forgets what has come; that it may know nothing of it any more is of no interest. */
static void abandon(upload_t *self, uint64_t token)
{
    buf_t ignored = {0};
    mp_put_uint(begin(self, 1), token);
    if (tool_bus_call(self->bus, "files", "files.abort", mp_of_buf(&self->args), &self->answer,
                      &ignored) != ERR_OK)
        buf_reset(&ignored);
    buf_fini(&ignored);
}

static err_t write_large(upload_t *self, const upload_file_t *file, int fd, ssize_t len)
{
    mp_t value;
    uint64_t token;
    put_name(self, begin(self, 2), file);
    err_t err = call(self, "files", "files.begin");
    if (err != ERR_OK)
        return err;
    if (!mp_at(mp_of_buf(&self->answer), 1, &value) || !mp_read_uint(&value, &token)) {
        buf_append_cstr(&self->why, "files.begin: unexpected answer");
        return ERR_BAD_FRAME;
    }
    err = append_pieces(self, fd, token, len);
    if (err == ERR_OK)
        err = tool_bus_finish(self->bus, &self->why);
    if (err != ERR_OK) {
        abandon(self, token);
        return err;
    }
    mp_put_uint(begin(self, 1), token);
    return call(self, "files", "files.finish");
}

/* Puts the name of the file before the error. */
static err_t fail(upload_t *self, const upload_file_t *file, err_t err)
{
    buf_t reason = self->why;
    self->why = (buf_t){0};
    safe_text_put(&self->why, str_of(file->path), 500);
    buf_printf(&self->why, ": %.*s",
               STR_ARG(reason.len ? buf_str(&reason) : str_of(err_text(err))));
    buf_fini(&reason);
    return err;
}

static err_t write_opened(upload_t *self, const upload_file_t *file, int fd)
{
    ssize_t len = read_piece(self, fd);
    if (len < 0)
        return fail(self, file, ERR_IO);
    if (len < (ssize_t)PIECE)
        return write_small(self, file, (size_t)len);
    err_t err = tool_bus_finish(self->bus, &self->why); /* the errors of others */
    if (err != ERR_OK)
        return err;
    err = write_large(self, file, fd, len);
    return err == ERR_OK ? ERR_OK : fail(self, file, err);
}

/* Errors of large files name them; those of small ones come later, with the names that matter. */
static err_t write_file(upload_t *self, const upload_file_t *file)
{
    int fd = upload_scan_open(self->scan, file, &self->why);
    if (fd < 0)
        return ERR_IO;
    err_t err = write_opened(self, file, fd);
    close(fd);
    return err;
}

static err_t write_files(upload_t *self)
{
    err_t err = ERR_OK;
    for (size_t i = 0; i < upload_scan_count(self->scan) && err == ERR_OK; i++) {
        err = write_file(self, upload_scan_at(self->scan, i));
        progress_show(&self->progress, self->bytes);
    }
    return err == ERR_OK ? tool_bus_finish(self->bus, &self->why) : err;
}

/* --- deleting --------------------------------------------------------------------------------- */

static bool add_old(upload_t *self, str_t path)
{
    if (self->old_len == self->old_cap) {
        size_t cap = self->old_cap ? self->old_cap * 2 : 64;
        char **old = realloc(self->old, cap * sizeof *old);
        if (!old)
            return false;
        self->old = old;
        self->old_cap = cap;
    }
    char *copy = str_dup(path);
    if (copy)
        self->old[self->old_len++] = copy;
    return copy != NULL;
}

/* Items of files.scan: [storage, path, meta]. A folder that was made as such is kept. */
static err_t note_old(void *arg, mp_t item, buf_t *why)
{
    upload_t *self = arg;
    mp_t first, second;
    str_t storage, path;
    (void)why;
    if (!mp_at(item, 0, &first) || !mp_read_str(&first, &storage) || !mp_at(item, 1, &second) ||
        !mp_read_str(&second, &path) || !str_is(storage, self->storage) ||
        files_path_is_reserved(path) || upload_scan_has(self->scan, path))
        return ERR_OK;
    return add_old(self, path) ? ERR_OK : ERR_NO_MEMORY;
}

static err_t find_old(upload_t *self)
{
    return self->clean ? tool_bus_scan(self->bus, "files", "files.scan", note_old, self, &self->why)
                       : ERR_OK;
}

/* blocking: those that stand in the way of new ones. The others go when the new are there, so that
 * pages that are in use find what they need as long as possible. */
static err_t delete_old(upload_t *self, bool blocking)
{
    err_t err = ERR_OK;
    for (size_t i = 0; i < self->old_len && err == ERR_OK; i++) {
        if (upload_scan_blocked_by(self->scan, str_of(self->old[i])) != blocking)
            continue;
        buf_t *args = begin(self, 2);
        mp_put_cstr(args, self->storage);
        mp_put_cstr(args, self->old[i]);
        err = post(self, "deleteFile");
    }
    return err == ERR_OK ? tool_bus_finish(self->bus, &self->why) : err;
}

/* --- the verb --------------------------------------------------------------------------------- */

static err_t upload_all(upload_t *self)
{
    err_t err = check_data(self);
    if (err != ERR_OK)
        return err;
    self->scan = upload_scan_new(self->folder, str_of(self->storage), &self->why);
    if (!self->scan)
        return ERR_IO;
    self->bus = tool_bus_open(self->config, self->server != NULL, false, &self->why);
    if (!self->bus)
        return ERR_UNAVAILABLE;
    self->piece = malloc(PIECE);
    self->progress = progress_begin("uploading", upload_scan_bytes(self->scan));
    err = self->piece ? require_storage(self) : ERR_NO_MEMORY;
    if (err == ERR_OK)
        err = find_old(self);
    if (err == ERR_OK)
        err = delete_old(self, true);
    if (err == ERR_OK)
        err = write_files(self);
    if (err == ERR_OK)
        err = delete_old(self, false);
    progress_end(&self->progress);
    return err;
}

static void put_left_out(const upload_t *self, buf_t *out)
{
    for (int reason = 0; reason < UPLOAD_REASONS; reason++) {
        const char *example;
        size_t count = upload_scan_left_out(self->scan, (upload_reason_t)reason, &example);
        if (count == 0)
            continue;
        buf_printf(out, "left out %zu: %s (", count, upload_reason_text((upload_reason_t)reason));
        safe_text_put(out, str_of(example), 200);
        buf_append_cstr(out, count > 1 ? ", ...)\n" : ")\n");
    }
}

static int print_summary(const upload_t *self, str_t target)
{
    buf_t out = {0};
    size_t count = upload_scan_count(self->scan);
    buf_printf(&out, "uploaded %zu file%s (%llu bytes) to %s in %.1f s into %.*s\n", count,
               count == 1 ? "" : "s", (unsigned long long)self->bytes, self->storage,
               (double)(sock_mono_ms() - self->begun_ms) / 1000, STR_ARG(target));
    if (self->old_len)
        buf_printf(&out, "deleted %zu: the folder does not have them (any more)\n", self->old_len);
    put_left_out(self, &out);
    bool written = fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_fini(&out);
    return written ? CLI_OK : cli_fail("cannot write to standard output");
}

static int run(upload_t *self)
{
    buf_t target = {0};
    int status = CLI_OK;
    self->begun_ms = sock_mono_ms();
    err_t err = upload_all(self);
    if (err != ERR_OK && self->why.len == 0)
        buf_append_cstr(&self->why, err_text(err));
    if (err != ERR_OK)
        status = cli_fail("upload: %.*s", STR_ARG(buf_str(&self->why)));
    if (self->bus)
        tool_bus_describe(self->bus, &target);
    buf_reset(&self->why);
    if (!tool_bus_close(&self->bus, &self->why))
        status = cli_fail("upload: %.*s", STR_ARG(buf_str(&self->why)));
    if (status == CLI_OK)
        status = print_summary(self, buf_str(&target));
    buf_fini(&target);
    return status;
}

int cli_upload(int argc, char **argv, config_t *config)
{
    upload_t self = {.config = config};
    int status = read_args(&self, argc, argv);
    if (status == CLI_OK)
        status = run(&self);
    upload_scan_destroy(&self.scan);
    for (size_t i = 0; i < self.old_len; i++)
        free(self.old[i]);
    free(self.old);
    free(self.piece);
    buf_t *const buffers[] = {&self.args, &self.answer, &self.why};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        buf_fini(buffers[i]);
    return status;
}
