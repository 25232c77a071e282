/* SPDX-License-Identifier: MIT */
/* Folders of files and trees of objects as zip archives. Everything is read and written with the
 * rights of the client, one file or object after the other; an archive is checked to its end before
 * anything of it is written. Names as in the original: of a file's path the first part is left out,
 * and "a.b.c" below "a" becomes "b/c.json". Source: js-controller 7.1, zipFiles. */
#include <stdlib.h>
#include <string.h>

#include "actors/base64.h"
#include "actors/host_ctx.h"
#include "actors/safe_text.h"
#include "bus/json.h"

#define PIECE_BYTES (1u << 20) /* that the files actor gives at once */
#define NAME_MAX_BYTES 4096u
#define ERRORS_MAX 2000u /* bytes of the texts of all that could not be written */
#define SHOWN_MAX 100

typedef struct item item_t;
struct item {
    item_t *next;
    char *name;  /* path of a file or folder, or id of an object */
    buf_t bytes; /* to be written: the file, or the object as msgpack */
};

/* Items in the order in which they came. */
typedef struct {
    item_t *first;
    item_t **end;
    size_t count;
} list_t;

typedef struct {
    host_t *host;
    buf_t id;   /* of the storage, or of the object above all */
    buf_t name; /* the folder in it */
    buf_t link; /* name of the file that shall hold the archive; empty: the answer does */
    buf_t link_storage;
    list_t folders; /* to be listed */
    list_t files;   /* to be read or written */
    size_t total;   /* bytes so far */
    uint64_t generation, size;
    buf_t bytes; /* of the file that is being read */
    zip_writer_t *zip;
    buf_t errors;
} archive_t;

/* --- lists ----------------------------------------------------------------------------------- */

static item_t *list_add(list_t *list, str_t name)
{
    item_t *item = calloc(1, sizeof *item);
    if (!item || !(item->name = str_dup(name))) {
        free(item);
        return NULL;
    }
    if (!list->first)
        list->end = &list->first;
    *list->end = item;
    list->end = &item->next;
    list->count++;
    return item;
}

static void list_drop(list_t *list)
{
    item_t *item = list->first;
    list->first = item->next;
    free(item->name);
    buf_fini(&item->bytes);
    free(item);
}

static void free_archive(void *data)
{
    archive_t *self = data;
    buf_t *const buffers[] = {&self->id,           &self->name,  &self->link,
                              &self->link_storage, &self->bytes, &self->errors};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        buf_fini(buffers[i]);
    while (self->folders.first)
        list_drop(&self->folders);
    while (self->files.first)
        list_drop(&self->files);
    zip_writer_destroy(&self->zip);
    self->host->archives--;
    free(self);
}

/* --- beginning ------------------------------------------------------------------------------- */

static void take_text(mp_t message, const char *key, buf_t *out)
{
    str_t text = {"", 0};
    (void)mp_find_str(message, key, &text);
    if (text.len <= NAME_MAX_BYTES)
        buf_append_str(out, text);
}

/* NULL: the reply says why. */
static archive_t *new_archive(host_t *host, reply_t *reply, mp_t message)
{
    if (host->archives == HOST_ARCHIVES_MAX) {
        (void)host_refuse(reply, "Too many archives are under way");
        return NULL;
    }
    archive_t *self = calloc(1, sizeof *self);
    if (!self) {
        (void)host_refuse(reply, "%s", err_text(ERR_NO_MEMORY));
        return NULL;
    }
    self->host = host;
    host->archives++;
    take_text(message, "id", &self->id);
    take_text(message, "name", &self->name);
    take_text(message, "link", &self->link);
    take_text(message, "fileStorageNamespace", &self->link_storage);
    return self;
}

/* The call takes the archive over. NULL: too many are open. */
static host_call_t *open_call(archive_t **self_p, const request_t *request)
{
    archive_t *self = *self_p;
    host_call_t *call = host_call_open(self->host, request);
    *self_p = NULL;
    if (!call) {
        free_archive(self);
        return NULL;
    }
    call->data = self;
    call->free_data = free_archive;
    return call;
}

static void ask(host_call_t *call, const char *actor, const char *command, buf_t *args,
                host_step_fn *step)
{
    host_call_ask(call, actor, command, mp_of_buf(args), step);
    buf_fini(args);
}

/* --- the answer with an archive -------------------------------------------------------------- */

static void take_link(host_call_t *call, err_t status, mp_t body)
{
    archive_t *self = call->data;
    reply_t reply;
    mp_t error;
    buf_t path = {0};
    if (status != ERR_OK || (mp_at(body, 0, &error) && mp_type(error) != MP_NIL)) {
        host_call_fail_with(&call, status, body);
        return;
    }
    buf_printf(&path, "%.*s/zip/%.*s", STR_ARG(buf_str(&self->link_storage)),
               STR_ARG(buf_str(&self->link)));
    reply_init(&reply);
    reply_str(&reply, buf_str(&path));
    host_call_answer(&call, &reply);
    buf_fini(&path);
    reply_fini(&reply);
}

/* Into a file that the client fetches. */
static void write_link(host_call_t *call, const buf_t *bytes)
{
    archive_t *self = call->data;
    buf_t args = {0}, path = {0};
    buf_printf(&path, "zip/%.*s", STR_ARG(buf_str(&self->link)));
    mp_put_array(&args, 3);
    mp_put_str(&args, buf_str(&self->link_storage));
    mp_put_str(&args, buf_str(&path));
    mp_put_bin(&args, bytes->data, bytes->len);
    buf_fini(&path);
    ask(call, "files", "writeFile", &args, take_link);
}

static void answer_bytes(host_call_t **call_p, const buf_t *bytes)
{
    reply_t reply;
    buf_t text = {0};
    reply_init(&reply);
    base64_encode(&text, buf_str(bytes));
    buf_t *out = reply_value(&reply);
    mp_put_map(out, 2);
    mp_put_cstr(out, "error");
    mp_put_nil(out);
    mp_put_cstr(out, "data");
    mp_put_str(out, buf_str(&text));
    buf_fini(&text);
    if (reply.body.len > (*call_p)->host->max_answer)
        host_call_fail(call_p, "%s", err_text(ERR_TOO_LARGE));
    else
        host_call_answer(call_p, &reply);
    reply_fini(&reply);
}

static void answer_empty(host_call_t **call_p, bool with_error)
{
    reply_t reply;
    reply_init(&reply);
    buf_t *out = reply_value(&reply);
    mp_put_map(out, with_error ? 1 : 0);
    if (with_error) {
        mp_put_cstr(out, "error");
        mp_put_nil(out);
    }
    host_call_answer(call_p, &reply);
    reply_fini(&reply);
}

static void answer_archive(host_call_t *call)
{
    archive_t *self = call->data;
    buf_t bytes = {0};
    if (!self->zip)
        answer_empty(&call, true);
    else if (zip_writer_finish(self->zip, &bytes) != ERR_OK)
        host_call_fail(&call, "%s", err_text(ERR_NO_MEMORY));
    else if (self->link.len > 0)
        write_link(call, &bytes);
    else
        answer_bytes(&call, &bytes);
    buf_fini(&bytes);
}

/* True: it was added; else the call has failed. */
static bool add_entry(host_call_t **call_p, str_t name, str_t bytes)
{
    archive_t *self = (*call_p)->data;
    buf_t shown = {0};
    self->total += bytes.len;
    safe_text_put(&shown, name, SHOWN_MAX);
    if (!self->zip)
        self->zip = zip_writer_new();
    bool large = self->total > self->host->zip_limits.max_total;
    bool added =
        !large && self->zip &&
        zip_writer_add(self->zip, name, bytes, self->host->env->now(self->host->env)) == ERR_OK;
    if (large)
        host_call_fail(call_p, "The archive would be too large");
    else if (!added)
        host_call_fail(call_p, "Cannot pack \"%.*s\"", STR_ARG(buf_str(&shown)));
    buf_fini(&shown);
    return added;
}

/* --- readDirAsZip ---------------------------------------------------------------------------- */

static host_step_fn take_folder, take_stat, take_piece;

static void ask_file(host_call_t *call, const char *command, host_step_fn *step)
{
    archive_t *self = call->data;
    bool piece = step == take_piece;
    buf_t args = {0};
    mp_put_array(&args, piece ? 5 : 2);
    mp_put_str(&args, buf_str(&self->id));
    mp_put_cstr(&args, self->files.first->name);
    if (piece) {
        mp_put_uint(&args, self->generation);
        mp_put_uint(&args, self->bytes.len);
        mp_put_uint(&args, PIECE_BYTES);
    }
    ask(call, "files", command, &args, step);
}

/* Lists the next folder, or reads the next file, or answers. */
static void go_on(host_call_t *call)
{
    archive_t *self = call->data;
    buf_t args = {0};
    if (self->folders.first) {
        mp_put_array(&args, 2);
        mp_put_str(&args, buf_str(&self->id));
        mp_put_cstr(&args, self->folders.first->name);
        ask(call, "files", "readDir", &args, take_folder);
    } else if (self->files.first) {
        ask_file(call, "files.stat", take_stat);
    } else {
        answer_archive(call);
    }
}

/* False: there is no memory, or there are too many. */
static bool take_entry(archive_t *self, str_t folder, mp_t entry)
{
    str_t file;
    bool is_folder = false;
    buf_t path = {0};
    if (!mp_find_str(entry, "file", &file))
        return true;
    (void)mp_find_bool(entry, "isDir", &is_folder);
    buf_printf(&path, "%.*s%s%.*s", STR_ARG(folder), folder.len > 0 ? "/" : "", STR_ARG(file));
    bool taken = self->folders.count + self->files.count < self->host->zip_limits.max_entries &&
                 path.len <= NAME_MAX_BYTES &&
                 list_add(is_folder ? &self->folders : &self->files, buf_str(&path));
    buf_fini(&path);
    return taken;
}

static void take_folder(host_call_t *call, err_t status, mp_t body)
{
    archive_t *self = call->data;
    mp_t entries, entry, error;
    uint32_t count;
    if (status != ERR_OK || (mp_at(body, 0, &error) && mp_type(error) != MP_NIL) ||
        !mp_at(body, 1, &entries) || !mp_read_array(&entries, &count)) {
        host_call_fail_with(&call, status, body);
        return;
    }
    for (uint32_t i = 0; i < count && mp_next(&entries, &entry); i++) {
        if (!take_entry(self, str_of(self->folders.first->name), entry)) {
            host_call_fail(&call, "There are too many files, or folders in folders");
            return;
        }
    }
    list_drop(&self->folders);
    go_on(call);
}

static void take_stat(host_call_t *call, err_t status, mp_t body)
{
    archive_t *self = call->data;
    mp_t stat, value;
    if (status != ERR_OK || !mp_at(body, 1, &stat) || !mp_find(stat, "generation", &value) ||
        !mp_read_uint(&value, &self->generation) || !mp_find(stat, "size", &value) ||
        !mp_read_uint(&value, &self->size)) {
        host_call_fail_with(&call, status, body);
        return;
    }
    buf_reset(&self->bytes);
    if (self->size > self->host->zip_limits.max_total - self->total)
        host_call_fail(&call, "The archive would be too large");
    else
        ask_file(call, "files.read", take_piece);
}

/* Without the first part, unless it is the only one. */
static str_t name_in_archive(const char *path)
{
    const char *slash = strchr(path, '/');
    return str_of(slash ? slash + 1 : path);
}

static void take_piece(host_call_t *call, err_t status, mp_t body)
{
    archive_t *self = call->data;
    mp_t value;
    str_t bytes;
    if (status != ERR_OK || !mp_at(body, 1, &value) || !mp_read_bin(&value, &bytes)) {
        host_call_fail_with(&call, status, body);
        return;
    }
    buf_append_str(&self->bytes, bytes);
    if (self->bytes.len < self->size && bytes.len > 0) {
        ask_file(call, "files.read", take_piece);
        return;
    }
    if (!add_entry(&call, name_in_archive(self->files.first->name), buf_str(&self->bytes)))
        return;
    list_drop(&self->files);
    go_on(call);
}

/* The name of a folder without slashes at its ends. */
static str_t trim(str_t name)
{
    while (name.len > 0 && name.p[0] == '/')
        name = (str_t){name.p + 1, name.len - 1};
    while (name.len > 0 && name.p[name.len - 1] == '/')
        name.len--;
    return name;
}

/* {id, name} -> {error: nil, data: base64}; of an empty folder without data */
err_t host_message_readDirAsZip(host_t *self, const request_t *request, reply_t *reply,
                                mp_t message)
{
    archive_t *archive = new_archive(self, reply, message);
    if (!archive)
        return ERR_OK;
    buf_reset(&archive->link);
    if (archive->id.len == 0 || !list_add(&archive->folders, trim(buf_str(&archive->name)))) {
        free_archive(archive);
        return host_refuse(reply, "Invalid id");
    }
    host_call_t *call = open_call(&archive, request);
    if (!call)
        return ERR_BUSY;
    go_on(call);
    return ERR_PENDING;
}

/* --- readObjectsAsZip ------------------------------------------------------------------------ */

/* The object without `enums`, which is made for the answer and no part of it; as JSON. */
static void put_object(mp_t object, buf_t *json)
{
    uint32_t count = 0, kept = 0;
    mp_t value;
    str_t key;
    buf_t copy = {0};
    size_t map = mp_begin_map(&copy);
    if (!mp_read_map(&object, &count))
        count = 0;
    for (uint32_t i = 0; i < count && mp_read_str(&object, &key) && mp_next(&object, &value); i++) {
        if (str_is(key, "enums"))
            continue;
        mp_put_str(&copy, key);
        mp_put_raw(&copy, value);
        kept++;
    }
    mp_end(&copy, map, kept);
    json_from_mp(json, mp_of_buf(&copy), NULL);
    buf_fini(&copy);
}

/* "a.b.c" below "a": "b/c.json" */
static void put_object_name(str_t root, str_t id, buf_t *out)
{
    for (size_t i = root.len + 1; i < id.len; i++)
        buf_append_byte(out, id.p[i] == '.' ? '/' : (uint8_t)id.p[i]);
    buf_append_cstr(out, ".json");
}

static bool pack_object(host_call_t **call_p, str_t id, mp_t object)
{
    archive_t *self = (*call_p)->data;
    buf_t name = {0}, json = {0};
    put_object_name(buf_str(&self->id), id, &name);
    put_object(object, &json);
    bool added = add_entry(call_p, buf_str(&name), buf_str(&json));
    buf_fini(&name);
    buf_fini(&json);
    return added;
}

/* body: [nil, {id: object}] */
static void take_objects(host_call_t *call, err_t status, mp_t body)
{
    archive_t *self = call->data;
    mp_t map, object;
    uint32_t count;
    str_t id;
    if (status != ERR_OK || !mp_at(body, 1, &map) || !mp_read_map(&map, &count)) {
        host_call_fail_with(&call, status, body);
        return;
    }
    if (count > self->host->zip_limits.max_entries) {
        host_call_fail(&call, "There are too many objects");
        return;
    }
    self->zip = zip_writer_new(); /* also for no objects at all */
    for (uint32_t i = 0; i < count && mp_read_str(&map, &id) && mp_next(&map, &object); i++) {
        if (id.len > self->id.len && !pack_object(&call, id, object))
            return;
    }
    answer_archive(call);
}

/* {id[, link, fileStorageNamespace]} -> {data: base64}, or the path of the file */
err_t host_message_readObjectsAsZip(host_t *self, const request_t *request, reply_t *reply,
                                    mp_t message)
{
    archive_t *archive = new_archive(self, reply, message);
    buf_t args = {0}, pattern = {0};
    if (!archive)
        return ERR_OK;
    if (archive->id.len == 0 || (archive->link.len > 0 && archive->link_storage.len == 0)) {
        (void)host_refuse(reply, "%s",
                          archive->id.len == 0 ? "Invalid id"
                                               : "Missing attribute \"fileStorageNamespace\"");
        free_archive(archive);
        return ERR_OK;
    }
    buf_printf(&pattern, "%.*s.*", STR_ARG(buf_str(&archive->id)));
    mp_put_array(&args, 2);
    mp_put_str(&args, buf_str(&pattern));
    mp_put_cstr(&args, "*");
    buf_fini(&pattern);
    host_call_t *call = open_call(&archive, request);
    if (call)
        ask(call, "objects", "getForeignObjects", &args, take_objects);
    buf_fini(&args);
    return call ? ERR_PENDING : ERR_BUSY;
}

/* --- writing --------------------------------------------------------------------------------- */

static void note_error(archive_t *self, const char *what, str_t error)
{
    if (self->errors.len > ERRORS_MAX)
        return;
    buf_append_cstr(&self->errors, self->errors.len > 0 ? ", Cannot write \"" : "Cannot write \"");
    safe_text_put(&self->errors, str_of(what), SHOWN_MAX);
    buf_append_cstr(&self->errors, "\": ");
    buf_append_str(&self->errors, error);
}

static void answer_written(host_call_t *call)
{
    archive_t *self = call->data;
    if (self->errors.len == 0) {
        answer_empty(&call, false);
        return;
    }
    buf_t text = self->errors;
    self->errors = (buf_t){0};
    host_call_fail(&call, "%.*s", STR_ARG(buf_str(&text)));
    buf_fini(&text);
}

static void write_next(host_call_t *call, bool objects);

/* Whether the item at the front was written; what went wrong is remembered. */
static void take_written(host_call_t *call, err_t status, mp_t body, bool objects)
{
    archive_t *self = call->data;
    mp_t value = {NULL, NULL};
    str_t text = str_of(err_text(status));
    if (status == ERR_SHUTDOWN) {
        host_call_fail_with(&call, status, body);
        return;
    }
    if (mp_at(body, 0, &value) && mp_read_str(&value, &text))
        note_error(self, self->files.first->name, text);
    else if (status != ERR_OK)
        note_error(self, self->files.first->name, text);
    list_drop(&self->files);
    write_next(call, objects);
}

static void take_written_file(host_call_t *call, err_t status, mp_t body)
{
    take_written(call, status, body, false);
}

static void take_written_object(host_call_t *call, err_t status, mp_t body)
{
    take_written(call, status, body, true);
}

static void write_next(host_call_t *call, bool objects)
{
    archive_t *self = call->data;
    item_t *item = self->files.first;
    buf_t args = {0};
    if (!item) {
        answer_written(call);
        return;
    }
    mp_put_array(&args, objects ? 2 : 3);
    if (!objects)
        mp_put_str(&args, buf_str(&self->id));
    mp_put_cstr(&args, item->name);
    if (objects) {
        mp_put_raw(&args, mp_of_buf(&item->bytes));
        ask(call, "objects", "setObject", &args, take_written_object);
    } else {
        mp_put_bin(&args, item->bytes.data, item->bytes.len);
        ask(call, "files", "writeFile", &args, take_written_file);
    }
}

/* The bytes of a message's archive: base64, or as they are. */
static void read_data(mp_t message, buf_t *out)
{
    mp_t value;
    str_t bytes;
    if (!mp_find(message, "data", &value))
        return;
    if (mp_read_bin(&value, &bytes))
        buf_append_str(out, bytes);
    else if (mp_read_str(&value, &bytes))
        base64_decode(out, bytes);
}

static err_t unpack(archive_t *archive, mp_t message, zip_file_fn *each, buf_t *why)
{
    buf_t data = {0};
    read_data(message, &data);
    err_t err = zip_read(buf_str(&data), &archive->host->zip_limits, each, archive, why);
    buf_fini(&data);
    if (err != ERR_OK && why->len == 0)
        buf_append_cstr(why, err_text(err));
    return err;
}

static err_t start_writing(host_t *self, const request_t *request, reply_t *reply, mp_t message,
                           bool objects, zip_file_fn *each)
{
    buf_t why = {0};
    archive_t *archive = new_archive(self, reply, message);
    if (!archive)
        return ERR_OK;
    if (!objects && archive->id.len == 0)
        buf_append_cstr(&why, "Invalid id");
    if (why.len > 0 || unpack(archive, message, each, &why) != ERR_OK) {
        (void)host_refuse(reply, "%.*s", STR_ARG(buf_str(&why)));
        free_archive(archive);
        buf_fini(&why);
        return ERR_OK;
    }
    buf_fini(&why);
    host_call_t *call = open_call(&archive, request);
    if (!call)
        return ERR_BUSY;
    write_next(call, objects);
    return ERR_PENDING;
}

static err_t keep_file(void *arg, str_t name, str_t bytes, buf_t *why)
{
    archive_t *self = arg;
    buf_t path = {0};
    (void)why;
    str_t folder = trim(buf_str(&self->name));
    buf_printf(&path, "%.*s%s%.*s", STR_ARG(folder), folder.len > 0 ? "/" : "", STR_ARG(name));
    item_t *item = list_add(&self->files, buf_str(&path));
    buf_fini(&path);
    if (item)
        buf_append_str(&item->bytes, bytes);
    return item && !item->bytes.failed ? ERR_OK : ERR_NO_MEMORY;
}

/* {id, name, data: base64} -> {} */
err_t host_message_writeDirAsZip(host_t *self, const request_t *request, reply_t *reply,
                                 mp_t message)
{
    return start_writing(self, request, reply, message, false, keep_file);
}

/* "b/c.json" below "a": "a.b.c" */
static void put_id(str_t root, str_t name, buf_t *out)
{
    static const char suffix[] = ".json";
    size_t len = sizeof suffix - 1;
    if (name.len > len && memcmp(name.p + name.len - len, suffix, len) == 0)
        name.len -= len;
    buf_append_str(out, root);
    if (root.len > 0)
        buf_append_byte(out, '.');
    for (size_t i = 0; i < name.len; i++)
        buf_append_byte(out, name.p[i] == '/' ? '.' : (uint8_t)name.p[i]);
}

static err_t keep_object(void *arg, str_t name, str_t bytes, buf_t *why)
{
    archive_t *self = arg;
    buf_t id = {0};
    put_id(buf_str(&self->id), name, &id);
    item_t *item = list_add(&self->files, buf_str(&id));
    buf_fini(&id);
    if (!item)
        return ERR_NO_MEMORY;
    err_t err = json_to_mp(&item->bytes, bytes);
    if (err != ERR_OK) {
        buf_append_cstr(why, "Cannot parse \"");
        safe_text_put(why, name, SHOWN_MAX);
        buf_printf(why, "\": %s", err_text(err));
    }
    return err;
}

/* {id, data: base64} -> {} */
err_t host_message_writeObjectsAsZip(host_t *self, const request_t *request, reply_t *reply,
                                     mp_t message)
{
    return start_writing(self, request, reply, message, true, keep_object);
}
