/* SPDX-License-Identifier: MIT */
#include "actors/fetch_worker.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "bus/log.h"

#define POLL_MS 1000 /* the longest sleep: submit and destroy wake the thread */
#define URL_MAX (64u * 1024u)

/* One job, from submit to take. It belongs to whoever holds the list that it is in. */
typedef struct job {
    struct job *next;
    char *url;
    int64_t deadline_ms; /* mono clock */
    int64_t timeout_ms;  /* as promised, for the error text */
    size_t max_size;
    long max_redirects;
    CURL *easy; /* while it runs */
    bool too_large;
    char reason[CURL_ERROR_SIZE]; /* libcurl's words, for the debug log */
    fetch_result_t result;
} job_t;

typedef struct {
    job_t *first;
    job_t *last;
    size_t count;
} list_t;

struct fetch_worker {
    pthread_t thread;
    CURLM *multi;
    struct curl_slist *headers;
    char *no_proxy;
    _Atomic bool stop;
    pthread_mutex_t lock;
    fetch_limits_t limits; /* {lock} */
    list_t waiting;        /* {lock} submitted, not started */
    list_t done;           /* {lock} ended, not taken */
    size_t open;           /* {lock} submitted, not taken */
    list_t running;        /* worker thread only */
};

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- lists ----------------------------------------------------------------------------------- */

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

static void list_remove(list_t *self, const job_t *job)
{
    list_t rest = {0};
    job_t *each;
    while ((each = list_pop(self)) != NULL) {
        if (each != job)
            list_push(&rest, each);
    }
    *self = rest;
}

static void job_destroy(job_t *job)
{
    if (!job)
        return;
    free(job->url);
    fetch_result_fini(&job->result);
    free(job);
}

/* --- errors ---------------------------------------------------------------------------------- */

/* What a client may read: no addresses, paths or versions of ours. */
static const struct {
    CURLcode code;
    const char *text;
} error_texts[] = {
    {CURLE_UNSUPPORTED_PROTOCOL, "Unsupported protocol"},
    {CURLE_URL_MALFORMAT, "Invalid URL"},
    {CURLE_COULDNT_RESOLVE_HOST, "Host not found"},
    {CURLE_COULDNT_RESOLVE_PROXY, "Proxy not found"},
    {CURLE_COULDNT_CONNECT, "Connection refused"},
    {CURLE_TOO_MANY_REDIRECTS, "Maximum number of redirects exceeded"},
    {CURLE_GOT_NOTHING, "Connection closed without an answer"},
    {CURLE_PARTIAL_FILE, "Connection closed within the answer"},
    {CURLE_RECV_ERROR, "Connection closed"},
    {CURLE_SEND_ERROR, "Connection closed"},
    {CURLE_OUT_OF_MEMORY, "Out of memory"},
    {CURLE_SSL_CONNECT_ERROR, "TLS handshake failed"},
    {CURLE_PEER_FAILED_VERIFICATION, "Certificate is not trusted"},
    {CURLE_WEIRD_SERVER_REPLY, "Answer is not HTTP"},
    {CURLE_BAD_CONTENT_ENCODING, "Answer has a wrong encoding"},
};

static const char *error_text(CURLcode code)
{
    for (size_t i = 0; i < sizeof error_texts / sizeof error_texts[0]; i++) {
        if (error_texts[i].code == code)
            return error_texts[i].text;
    }
    return "Request failed";
}

static void fail(job_t *job, const char *format, long long number)
{
    fetch_result_t *result = &job->result;
    snprintf(result->error_text, sizeof result->error_text, format, number);
    result->error = result->error_text;
    buf_fini(&result->body);
}

static void fail_timeout(job_t *job)
{
    fail(job, "timeout of %lldms exceeded", (long long)job->timeout_ms);
}

static void conclude(job_t *job, CURLcode code)
{
    if (code == CURLE_OPERATION_TIMEDOUT)
        fail_timeout(job);
    else if (job->too_large || code == CURLE_FILESIZE_EXCEEDED)
        fail(job, "maxContentLength size of %lld exceeded", (long long)job->max_size);
    else if (code != CURLE_OK)
        job->result.error = error_text(code);
    else if (job->result.status >= 400)
        fail(job, "Request failed with status code %lld", job->result.status);
    if (job->result.error)
        log_debug("FETCH-FAILED", "code=%d error=\"%s\"", (int)code, job->result.error);
}

/* --- transfers (worker thread) --------------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    job_t *job = arg;
    size_t len = size * count;
    if (len > job->max_size - job->result.body.len) {
        job->too_large = true;
        return 0;
    }
    buf_append(&job->result.body, data, len);
    return job->result.body.failed ? 0 : len;
}

/* "HTTP/1.1 200 OK": the status line comes through the header callback, once per redirect. */
static void take_status_line(job_t *job, str_t line)
{
    const char *code = memchr(line.p, ' ', line.len);
    const char *end = line.p + line.len;
    const char *text = code ? memchr(code + 1, ' ', (size_t)(end - code - 1)) : NULL;
    while (end > line.p && (end[-1] == '\r' || end[-1] == '\n'))
        end--;
    job->result.status_text[0] = '\0';
    if (text && text + 1 < end)
        snprintf(job->result.status_text, sizeof job->result.status_text, "%.*s",
                 (int)(end - text - 1), text + 1);
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    str_t line = {data, size * count};
    if (str_starts(line, "HTTP/"))
        take_status_line(arg, line);
    return line.len;
}

static void set_options(fetch_worker_t *self, job_t *job, CURL *easy)
{
    int64_t left = job->deadline_ms - mono_ms();
    curl_easy_setopt(easy, CURLOPT_URL, job->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, job);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job->reason);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A look-up that hangs must not hold up the end of the worker. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, job->max_redirects > 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, job->max_redirects);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(left > 0 ? left : 1));
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)job->max_size);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, self->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "iobus/" IOBUS_VERSION);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, self->no_proxy);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, job);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, job);
}

static bool start(fetch_worker_t *self, job_t *job)
{
    if (job->deadline_ms <= mono_ms()) {
        fail_timeout(job);
        return false;
    }
    CURL *easy = curl_easy_init();
    if (!easy) {
        job->result.error = error_text(CURLE_OUT_OF_MEMORY);
        return false;
    }
    set_options(self, job, easy);
    if (curl_multi_add_handle(self->multi, easy) != CURLM_OK) {
        curl_easy_cleanup(easy);
        job->result.error = error_text(CURLE_OUT_OF_MEMORY);
        return false;
    }
    job->easy = easy;
    list_push(&self->running, job);
    return true;
}

static void deliver(fetch_worker_t *self, job_t *job)
{
    pthread_mutex_lock(&self->lock);
    list_push(&self->done, job);
    pthread_mutex_unlock(&self->lock);
}

static job_t *next_waiting(fetch_worker_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool free_slot = self->running.count < self->limits.parallel;
    job_t *job = free_slot ? list_pop(&self->waiting) : NULL;
    pthread_mutex_unlock(&self->lock);
    return job;
}

static void start_waiting(fetch_worker_t *self)
{
    job_t *job;
    while ((job = next_waiting(self)) != NULL) {
        if (!start(self, job))
            deliver(self, job);
    }
}

static void detach(fetch_worker_t *self, job_t *job)
{
    list_remove(&self->running, job);
    curl_multi_remove_handle(self->multi, job->easy);
    curl_easy_cleanup(job->easy);
    job->easy = NULL;
}

static void collect(fetch_worker_t *self)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(self->multi, &left)) != NULL) {
        char *private = NULL;
        CURLcode code = message->data.result; /* message is gone once the handle is removed */
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        job_t *job = (job_t *)(void *)private;
        curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &job->result.status);
        conclude(job, code);
        detach(self, job);
        deliver(self, job);
    }
}

static void *thread_main(void *arg)
{
    fetch_worker_t *self = arg;
    pthread_setname_np(pthread_self(), "fetch-curl");
    while (!self->stop) {
        int running = 0;
        start_waiting(self);
        curl_multi_perform(self->multi, &running);
        collect(self);
        pthread_mutex_lock(&self->lock);
        bool more = self->waiting.count > 0 && self->running.count < self->limits.parallel;
        pthread_mutex_unlock(&self->lock);
        if (!more)
            curl_multi_poll(self->multi, NULL, 0, POLL_MS, NULL);
    }
    while (self->running.first) {
        job_t *job = self->running.first;
        detach(self, job);
        job_destroy(job);
    }
    return NULL;
}

/* --- owner's side ---------------------------------------------------------------------------- */

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* The machine itself is never reached through a proxy, whatever the environment says. */
static char *make_no_proxy(void)
{
    const char *more = getenv("no_proxy");
    if (!more)
        more = getenv("NO_PROXY");
    buf_t text = {0};
    buf_printf(&text, "localhost,127.0.0.1,::1%s%s", more && more[0] ? "," : "", more ? more : "");
    char *copy = str_dup(buf_str(&text));
    buf_fini(&text);
    return copy;
}

fetch_worker_t *fetch_worker_new(const fetch_limits_t *limits)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    fetch_worker_t *self = calloc(1, sizeof *self);
    assert(self);
    self->limits = *limits;
    self->multi = curl_multi_init();
    self->headers = curl_slist_append(NULL, "Accept: application/json, text/plain, */*");
    self->no_proxy = make_no_proxy();
    assert(self->multi && self->headers && self->no_proxy);
    pthread_mutex_init(&self->lock, NULL);
    if (pthread_create(&self->thread, NULL, thread_main, self) != 0) {
        self->stop = true;
        fetch_worker_destroy(&self);
    }
    return self;
}

static void destroy_list(list_t *list)
{
    job_t *job;
    while ((job = list_pop(list)) != NULL)
        job_destroy(job);
}

void fetch_worker_destroy(fetch_worker_t **self_p)
{
    fetch_worker_t *self = *self_p;
    if (!self)
        return;
    if (!self->stop) {
        self->stop = true;
        curl_multi_wakeup(self->multi);
        pthread_join(self->thread, NULL);
    }
    destroy_list(&self->waiting);
    destroy_list(&self->done);
    curl_multi_cleanup(self->multi);
    curl_slist_free_all(self->headers);
    pthread_mutex_destroy(&self->lock);
    free(self->no_proxy);
    free(self);
    *self_p = NULL;
}

void fetch_worker_set_limits(fetch_worker_t *self, const fetch_limits_t *limits)
{
    pthread_mutex_lock(&self->lock);
    self->limits = *limits;
    pthread_mutex_unlock(&self->lock);
    curl_multi_wakeup(self->multi);
}

static bool has_room(const fetch_worker_t *self)
{
    return self->open < self->limits.parallel + self->limits.queue;
}

bool fetch_worker_has_room(fetch_worker_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool room = has_room(self);
    pthread_mutex_unlock(&self->lock);
    return room;
}

bool fetch_worker_submit(fetch_worker_t *self, uint64_t id, str_t url, int64_t timeout_ms)
{
    job_t *job = calloc(1, sizeof *job);
    char *copy = job ? str_dup(url) : NULL;
    if (!copy) {
        free(job);
        return false;
    }
    job->url = copy;
    job->result.id = id;
    pthread_mutex_lock(&self->lock);
    bool taken = has_room(self);
    if (taken) {
        const fetch_limits_t *limits = &self->limits;
        job->timeout_ms = timeout_ms < limits->timeout_ms ? timeout_ms : limits->timeout_ms;
        job->deadline_ms = mono_ms() + job->timeout_ms;
        job->max_size = limits->max_size;
        job->max_redirects = limits->max_redirects;
        list_push(&self->waiting, job);
        self->open++;
    }
    pthread_mutex_unlock(&self->lock);
    if (taken)
        curl_multi_wakeup(self->multi);
    else
        job_destroy(job);
    return taken;
}

bool fetch_worker_take(fetch_worker_t *self, fetch_result_t *result)
{
    pthread_mutex_lock(&self->lock);
    job_t *job = list_pop(&self->done);
    if (job)
        self->open--;
    pthread_mutex_unlock(&self->lock);
    if (!job)
        return false;
    *result = job->result;
    if (job->result.error == job->result.error_text)
        result->error = result->error_text;
    job->result.body = (buf_t){0};
    job_destroy(job);
    return true;
}

size_t fetch_worker_open(fetch_worker_t *self)
{
    pthread_mutex_lock(&self->lock);
    size_t open = self->open;
    pthread_mutex_unlock(&self->lock);
    return open;
}

void fetch_result_fini(fetch_result_t *self)
{
    buf_fini(&self->body);
}

/* --- URLs ------------------------------------------------------------------------------------ */

static str_t trim(str_t text)
{
    while (text.len > 0 && (unsigned char)text.p[0] <= ' ') {
        text.p++;
        text.len--;
    }
    while (text.len > 0 && (unsigned char)text.p[text.len - 1] <= ' ')
        text.len--;
    return text;
}

static size_t scheme_len(str_t url)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i]);
        if (url.len > len && strncasecmp(url.p, schemes[i], len) == 0)
            return len;
    }
    return 0;
}

/* Letters up to a colon: "file:", "javascript:"; "not a url" and "a/b:c" have none. */
static bool has_scheme(str_t url)
{
    for (size_t i = 0; i < url.len; i++) {
        char c = url.p[i];
        if (c == ':')
            return i > 0;
        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') &&
            !(i > 0 && (c == '+' || c == '-' || c == '.')))
            return false;
    }
    return false;
}

const char *fetch_url_fix(buf_t *out, str_t url)
{
    url = trim(url);
    if (url.len > URL_MAX)
        return "URL is too long";
    size_t at = scheme_len(url);
    if (at == 0)
        return has_scheme(url) && strncasecmp(url.p, "http", 4) != 0 ? "Unsupported protocol"
                                                                     : "Invalid URL";
    buf_append(out, url.p, at);
    bool in_host = true;
    for (; at < url.len; at++) {
        unsigned char c = (unsigned char)url.p[at];
        if (c == '\t' || c == '\n' || c == '\r')
            continue;
        in_host = in_host && c != '/' && c != '?' && c != '#';
        if (in_host && (c <= ' ' || c == 0x7f))
            return "Invalid URL";
        if (!in_host && (c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>'))
            buf_printf(out, "%%%02X", c);
        else
            buf_append_byte(out, c);
    }
    return NULL;
}
