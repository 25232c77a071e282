/* SPDX-License-Identifier: MIT */
/* The engine in memory: a search tree whose nodes never change once they are shared, so that a
 * snapshot or a scan is a reference to a root, and the open batch is a second root beside the
 * committed one. A node's priority is a hash of its key, which keeps the tree balanced (a treap)
 * and the same whatever the order of the writes. */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "storage/engine_ops.h"

typedef struct {
    _Atomic uint32_t refs;
    uint64_t priority; /* of a node that holds it */
    size_t key_len;
    size_t value_len;
    char bytes[]; /* key, value */
} pair_t;

typedef struct node node_t;

struct node {
    _Atomic uint32_t refs;
    pair_t *pair;
    node_t *left;
    node_t *right;
};

typedef struct {
    engine_t base;
    node_t *committed;
    node_t *current; /* the batch included */
    size_t pending;
} memory_t;

typedef struct {
    engine_scan_t base;
    node_t *root;
    buf_t from; /* where the first pair is looked for */
    node_t *at; /* the pair that was lent last, NULL after a seek */
} memory_scan_t;

typedef struct {
    engine_snapshot_t base;
    node_t *root;
} memory_snapshot_t;

/* --- the tree --------------------------------------------------------------------------------- */

static node_t *keep(node_t *node)
{
    if (node)
        atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
    return node;
}

static void drop_pair(pair_t *pair)
{
    if (atomic_fetch_sub_explicit(&pair->refs, 1, memory_order_acq_rel) == 1)
        free(pair);
}

static void drop(node_t *node)
{
    while (node && atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) == 1) {
        node_t *right = node->right;
        drop(node->left);
        drop_pair(node->pair);
        free(node);
        node = right;
    }
}

static str_t key_of(const node_t *node)
{
    return (str_t){node->pair->bytes, node->pair->key_len};
}

static str_t value_of(const node_t *node)
{
    return (str_t){node->pair->bytes + node->pair->key_len, node->pair->value_len};
}

static uint64_t hash(str_t key)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (unsigned char)key.p[i]) * 1099511628211u;
    h ^= h >> 31;
    return h * 0x9E3779B97F4A7C15u;
}

static pair_t *pair_new(str_t key, str_t value)
{
    pair_t *pair = malloc(sizeof *pair + key.len + value.len);
    assert(pair);
    atomic_init(&pair->refs, 0);
    pair->priority = hash(key);
    pair->key_len = key.len;
    pair->value_len = value.len;
    memcpy(pair->bytes, key.p, key.len);
    if (value.len)
        memcpy(pair->bytes + key.len, value.p, value.len);
    return pair;
}

/* Takes over left and right. */
static node_t *node_new(pair_t *pair, node_t *left, node_t *right)
{
    node_t *node = malloc(sizeof *node);
    assert(node);
    atomic_init(&node->refs, 1);
    atomic_fetch_add_explicit(&pair->refs, 1, memory_order_relaxed);
    node->pair = pair;
    node->left = left;
    node->right = right;
    return node;
}

/* Two trees of what is below and above key in node; what equals key is left out. */
static void split(const node_t *node, str_t key, node_t **below, node_t **above)
{
    if (!node) {
        *below = *above = NULL;
        return;
    }
    int order = str_cmp(key_of(node), key);
    node_t *inner;
    if (order < 0) {
        split(node->right, key, &inner, above);
        *below = node_new(node->pair, keep(node->left), inner);
    } else if (order > 0) {
        split(node->left, key, below, &inner);
        *above = node_new(node->pair, inner, keep(node->right));
    } else {
        *below = keep(node->left);
        *above = keep(node->right);
    }
}

/* One tree of two, all keys of a being below those of b. Borrows both. */
static node_t *join(node_t *a, node_t *b)
{
    if (!a || !b)
        return keep(a ? a : b);
    if (a->pair->priority >= b->pair->priority)
        return node_new(a->pair, keep(a->left), join(a->right, b));
    return node_new(b->pair, join(a, b->left), keep(b->right));
}

static node_t *with(node_t *node, pair_t *pair)
{
    str_t key = {pair->bytes, pair->key_len};
    if (!node || pair->priority > node->pair->priority) {
        node_t *below, *above;
        split(node, key, &below, &above);
        return node_new(pair, below, above);
    }
    int order = str_cmp(key, key_of(node));
    if (order == 0)
        return node_new(pair, keep(node->left), keep(node->right));
    if (order < 0)
        return node_new(node->pair, with(node->left, pair), keep(node->right));
    return node_new(node->pair, keep(node->left), with(node->right, pair));
}

/* The key is there. */
static node_t *without(node_t *node, str_t key)
{
    int order = str_cmp(key, key_of(node));
    if (order == 0)
        return join(node->left, node->right);
    if (order < 0)
        return node_new(node->pair, without(node->left, key), keep(node->right));
    return node_new(node->pair, keep(node->left), without(node->right, key));
}

static node_t *find(node_t *node, str_t key)
{
    int order;
    while (node && (order = str_cmp(key, key_of(node))) != 0)
        node = order < 0 ? node->left : node->right;
    return node;
}

/* The first key >= from, or > from. */
static node_t *find_next(node_t *node, str_t from, bool past)
{
    node_t *best = NULL;
    while (node) {
        int order = str_cmp(key_of(node), from);
        if (order > 0 || (order == 0 && !past)) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

/* --- scans and snapshots ---------------------------------------------------------------------- */

static void scan_seek(engine_scan_t *base, str_t key)
{
    memory_scan_t *self = (memory_scan_t *)base;
    buf_t from = {0}; /* key may lie in what the scan itself has lent */
    buf_append_str(&from, key);
    buf_fini(&self->from);
    self->from = from;
    self->at = NULL;
}

static bool scan_next(engine_scan_t *base, str_t *key, str_t *value)
{
    memory_scan_t *self = (memory_scan_t *)base;
    str_t from = self->at ? key_of(self->at) : buf_str(&self->from);
    node_t *node = find_next(self->root, from, self->at != NULL);
    if (!node)
        return false;
    self->at = node;
    *key = key_of(node);
    *value = value_of(node);
    return true;
}

static err_t scan_error(const engine_scan_t *base)
{
    (void)base;
    return ERR_OK;
}

static void scan_destroy(engine_scan_t *base)
{
    memory_scan_t *self = (memory_scan_t *)base;
    drop(self->root);
    buf_fini(&self->from);
    free(self);
}

static engine_scan_t *scan_of(node_t *root)
{
    static const engine_scan_ops_t ops = {scan_seek, scan_next, scan_error, scan_destroy};
    memory_scan_t *self = calloc(1, sizeof *self);
    assert(self);
    self->base.ops = &ops;
    self->root = keep(root);
    return &self->base;
}

static err_t get_from(node_t *root, str_t key, buf_t *out, bool *found)
{
    const node_t *node = find(root, key);
    *found = node != NULL;
    if (node)
        buf_append_str(out, value_of(node));
    return ERR_OK;
}

static err_t snapshot_get(engine_snapshot_t *base, str_t key, buf_t *out, bool *found)
{
    return get_from(((memory_snapshot_t *)base)->root, key, out, found);
}

static engine_scan_t *snapshot_scan(engine_snapshot_t *base, str_t prefix)
{
    (void)prefix;
    return scan_of(((memory_snapshot_t *)base)->root);
}

static void snapshot_destroy(engine_snapshot_t *base)
{
    drop(((memory_snapshot_t *)base)->root);
    free(base);
}

/* --- the engine ------------------------------------------------------------------------------- */

static void memory_close(engine_t *base)
{
    memory_t *self = (memory_t *)base;
    drop(self->committed);
    drop(self->current);
    free(self);
}

static err_t memory_get(engine_t *base, str_t key, bool once, buf_t *out, bool *found)
{
    (void)once;
    return get_from(((memory_t *)base)->current, key, out, found);
}

static void become(memory_t *self, node_t *root)
{
    drop(self->current);
    self->current = root;
    self->pending++;
}

static void memory_put(engine_t *base, str_t key, str_t value)
{
    memory_t *self = (memory_t *)base;
    become(self, with(self->current, pair_new(key, value)));
}

static void memory_remove(engine_t *base, str_t key)
{
    memory_t *self = (memory_t *)base;
    if (find(self->current, key))
        become(self, without(self->current, key));
    else
        self->pending++;
}

static size_t memory_pending(const engine_t *base)
{
    return ((const memory_t *)base)->pending;
}

static err_t memory_commit(engine_t *base)
{
    memory_t *self = (memory_t *)base;
    node_t *old = self->committed;
    self->committed = keep(self->current);
    drop(old);
    self->pending = 0;
    return ERR_OK;
}

static void memory_rollback(engine_t *base)
{
    memory_t *self = (memory_t *)base;
    node_t *old = self->current;
    self->current = keep(self->committed);
    drop(old);
    self->pending = 0;
}

static bool memory_read_only(const engine_t *base)
{
    (void)base;
    return false;
}

static int64_t memory_tick(engine_t *base, int64_t mono_ms)
{
    (void)base;
    (void)mono_ms;
    return 60000;
}

static engine_scan_t *memory_scan(engine_t *base, str_t prefix)
{
    (void)prefix;
    return scan_of(((memory_t *)base)->current);
}

static engine_snapshot_t *memory_snapshot(engine_t *base)
{
    static const engine_snapshot_ops_t ops = {snapshot_get, snapshot_scan, snapshot_destroy};
    memory_snapshot_t *self = calloc(1, sizeof *self);
    assert(self);
    self->base.ops = &ops;
    self->root = keep(((memory_t *)base)->committed);
    return &self->base;
}

static err_t memory_checkpoint(engine_t *base, const char *path, buf_t *why)
{
    (void)base;
    buf_printf(why, "a database in memory cannot be copied to %s", path);
    return ERR_STORAGE;
}

engine_t *engine_open_memory(void)
{
    static const engine_ops_t ops = {memory_close,    memory_get,       memory_put,
                                     memory_remove,   memory_pending,   memory_commit,
                                     memory_rollback, memory_read_only, memory_tick,
                                     memory_scan,     memory_snapshot,  memory_checkpoint};
    memory_t *self = calloc(1, sizeof *self);
    assert(self);
    self->base.ops = &ops;
    return &self->base;
}
