/* SPDX-License-Identifier: MIT */
#include "actors/password_pool.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NICE 10 /* log-ins wait for values, not the other way round */

typedef struct job {
    struct job *next;
    bool make; /* else: compare */
    uint32_t iterations;
    uint8_t salt[PASSWORD_SALT_BYTES];
    buf_t password;
    buf_t stored;
    password_result_t result;
} job_t;

typedef struct {
    job_t *first;
    job_t *last;
    size_t count;
} list_t;

struct password_pool {
    pthread_t *threads;
    size_t threads_len;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a job is waiting, or stop */
    bool stop;              /* {lock} */
    size_t queue;           /* {lock} */
    list_t waiting;         /* {lock} */
    list_t done;            /* {lock} */
};

static void list_push(list_t *self, job_t *job)
{
    job->next = NULL;
    if (self->last)
        self->last->next = job;
    else
        self->first = job;
    self->last = job;
    self->count++;
}

static job_t *list_pop(list_t *self)
{
    job_t *job = self->first;
    if (!job)
        return NULL;
    self->first = job->next;
    if (!self->first)
        self->last = NULL;
    self->count--;
    return job;
}

static void wipe(buf_t *buf)
{
    if (buf->data)
        OPENSSL_cleanse(buf->data, buf->cap);
    buf_fini(buf);
}

static void job_destroy(job_t *job)
{
    if (!job)
        return;
    wipe(&job->password);
    wipe(&job->stored);
    buf_fini(&job->result.hash);
    free(job);
}

/* --- a thread of the pool --------------------------------------------------------------------- */

static void run(job_t *job)
{
    password_hash_t hash;
    str_t password = buf_str(&job->password);
    if (job->make)
        job->result.ok = password_hash(&job->result.hash, password, job->iterations, job->salt);
    else if (password_parse(buf_str(&job->stored), &hash))
        job->result.ok = password_matches(&hash, password);
    else
        password_waste(job->iterations, password);
    wipe(&job->password);
    wipe(&job->stored);
}

static void *thread_main(void *arg)
{
    password_pool_t *self = arg;
    pthread_setname_np(pthread_self(), "auth-hash");
    /* Linux keeps the priority per thread. Failing only means less patience. */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
    pthread_mutex_lock(&self->lock);
    while (!self->stop) {
        job_t *job = list_pop(&self->waiting);
        if (!job) {
            pthread_cond_wait(&self->changed, &self->lock);
            continue;
        }
        pthread_mutex_unlock(&self->lock);
        run(job);
        pthread_mutex_lock(&self->lock);
        list_push(&self->done, job);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* --- owner's side ----------------------------------------------------------------------------- */

password_pool_t *password_pool_new(size_t threads, size_t queue)
{
    password_pool_t *self = calloc(1, sizeof *self);
    assert(self);
    self->threads = calloc(threads, sizeof *self->threads);
    assert(self->threads);
    self->queue = queue;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    while (self->threads_len < threads &&
           pthread_create(&self->threads[self->threads_len], NULL, thread_main, self) == 0)
        self->threads_len++;
    if (self->threads_len == 0)
        password_pool_destroy(&self);
    return self;
}

static void destroy_list(list_t *list)
{
    job_t *job;
    while ((job = list_pop(list)) != NULL)
        job_destroy(job);
}

void password_pool_destroy(password_pool_t **self_p)
{
    password_pool_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < self->threads_len; i++)
        pthread_join(self->threads[i], NULL);
    destroy_list(&self->waiting);
    destroy_list(&self->done);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self->threads);
    free(self);
    *self_p = NULL;
}

void password_pool_set_queue(password_pool_t *self, size_t queue)
{
    pthread_mutex_lock(&self->lock);
    self->queue = queue;
    pthread_mutex_unlock(&self->lock);
}

/* Takes the job over in any case. */
static bool submit(password_pool_t *self, job_t *job)
{
    bool taken = !job->password.failed && !job->stored.failed;
    pthread_mutex_lock(&self->lock);
    taken = taken && self->waiting.count < self->queue;
    if (taken) {
        list_push(&self->waiting, job);
        pthread_cond_signal(&self->changed);
    }
    pthread_mutex_unlock(&self->lock);
    if (!taken)
        job_destroy(job);
    return taken;
}

static job_t *job_new(uint64_t id, str_t password, uint32_t iterations)
{
    job_t *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->result.id = id;
    job->iterations = iterations;
    /* One that is too long matches nothing; its length costs nothing either. */
    if (password.len <= PASSWORD_MAX)
        buf_append_str(&job->password, password);
    return job;
}

bool password_pool_check(password_pool_t *self, uint64_t id, str_t password, str_t hash,
                         uint32_t iterations)
{
    job_t *job = job_new(id, password, iterations);
    if (!job)
        return false;
    buf_append_str(&job->stored, hash);
    return submit(self, job);
}

bool password_pool_hash(password_pool_t *self, uint64_t id, str_t password, uint32_t iterations,
                        const uint8_t *salt)
{
    job_t *job = job_new(id, password, iterations);
    if (!job)
        return false;
    job->make = true;
    memcpy(job->salt, salt, PASSWORD_SALT_BYTES);
    return submit(self, job);
}

bool password_pool_take(password_pool_t *self, password_result_t *result)
{
    pthread_mutex_lock(&self->lock);
    job_t *job = list_pop(&self->done);
    pthread_mutex_unlock(&self->lock);
    if (!job)
        return false;
    *result = job->result;
    job->result.hash = (buf_t){0};
    job_destroy(job);
    return true;
}

void password_result_fini(password_result_t *self)
{
    wipe(&self->hash);
}
