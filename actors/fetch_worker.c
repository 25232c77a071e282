/* SPDX-License-Identifier: MIT */
#include "actors/fetch_worker.h"

#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "actors/fetch_party.h"
#include "actors/fetch_url.h"
#include "bus/log.h"

#define POLL_MS 1000            /* the longest sleep: submit and destroy wake the thread */
#define HEAD_MAX (256u * 1024u) /* heads of all answers of a job, redirects included */
#define RAW_SLACK (64u * 1024u) /* bytes as sent beyond the largest unpacked size */

/* One job, from submit to take. It belongs to whoever holds the list that it is in. */
typedef struct job {
    struct job *next;
    char *url;
    fetch_party_t *user;   /* {lock} */
    fetch_party_t *client; /* {lock} */
    int64_t deadline_ms;   /* mono clock */
    int64_t timeout_ms;    /* as promised, for the error text */
    size_t max_size;
    long max_redirects;
    CURL *easy; /* while it runs */
    struct fetch_worker *worker;
    size_t head_len;
    unsigned encodings; /* headers of that name in this answer */
    bool too_large;
    bool head_too_large;
    bool bad_encoding;
    bool denied;                  /* an address of the host that is asked */
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
    _Atomic bool stop;
    pthread_mutex_t lock;
    fetch_limits_t limits;  /* {lock} */
    fetch_policy_t *policy; /* {lock} */
    fetch_party_t *users;   /* {lock} those with open jobs */
    fetch_party_t *clients; /* {lock} the same */
    list_t waiting;         /* {lock} submitted, not started */
    list_t done;            /* {lock} ended, not taken */
    size_t open;            /* {lock} submitted, not taken */
    list_t running;         /* worker thread only */
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

/* The first that `is` holds for leaves the list; NULL: none. */
static job_t *list_take(list_t *self, bool (*is)(const void *arg, const job_t *job),
                        const void *arg)
{
    job_t *before = NULL;
    job_t *job = self->first;
    while (job && !is(arg, job)) {
        before = job;
        job = job->next;
    }
    if (!job)
        return NULL;
    if (before)
        before->next = job->next;
    else
        self->first = job->next;
    if (self->last == job)
        self->last = before;
    self->count--;
    return job;
}

static bool is_same(const void *arg, const job_t *job)
{
    return arg == job;
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
    {CURLE_COULDNT_CONNECT, "Connection refused"},
    {CURLE_TOO_MANY_REDIRECTS, "Maximum number of redirects exceeded"},
    {CURLE_GOT_NOTHING, "Connection closed without an answer"},
    {CURLE_PARTIAL_FILE, "Connection closed within the answer"},
    {CURLE_RECV_ERROR, "Connection closed"},
    {CURLE_SEND_ERROR, "Connection closed"},
    {CURLE_OUT_OF_MEMORY, "Answer does not fit into memory"}, /* or a header over libcurl's bound */
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
    else if (job->head_too_large)
        job->result.error = "Header of the answer is too large";
    else if (job->bad_encoding)
        job->result.error = error_text(CURLE_BAD_CONTENT_ENCODING);
    else if (code != CURLE_OK && job->denied)
        job->result.error = "Address is not allowed";
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

/* The value of a header line; false when it is another one. name: in lower case, with the colon. */
static bool header_value(str_t line, const char *name, str_t *value)
{
    size_t len = strlen(name);
    if (line.len < len || strncasecmp(line.p, name, len) != 0)
        return false;
    *value = fetch_url_trim((str_t){line.p + len, line.len - len});
    return true;
}

static bool is_one_of(str_t value, const char *const *words)
{
    for (; *words; words++) {
        if (value.len == strlen(*words) && strncasecmp(value.p, *words, value.len) == 0)
            return true;
    }
    return false;
}

/* libcurl unpacks whatever a server says it has packed, up to five times over. We asked for one of
 * two, which need little memory and whose output is counted piece by piece. */
static bool encoding_is_fine(str_t line)
{
    static const char *const content[] = {"", "identity", "gzip", "x-gzip", "deflate", NULL};
    static const char *const transfer[] = {"", "identity", "chunked", NULL};
    str_t value;
    if (header_value(line, "content-encoding:", &value))
        return is_one_of(value, content);
    return !header_value(line, "transfer-encoding:", &value) || is_one_of(value, transfer);
}

/* A second header of that name would be a second layer. */
static bool is_second_encoding(job_t *job, str_t line)
{
    str_t value;
    return header_value(line, "content-encoding:", &value) && job->encodings++ > 0;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    job_t *job = arg;
    str_t line = {data, size * count};
    job->head_len += line.len;
    job->head_too_large = job->head_len > HEAD_MAX;
    job->bad_encoding = !encoding_is_fine(line) || is_second_encoding(job, line);
    if (str_starts(line, "HTTP/")) {
        take_status_line(job, line);
        job->encodings = 0;
        job->denied = false; /* that was the host before */
    }
    return job->head_too_large || job->bad_encoding ? 0 : line.len;
}

/* What comes over the wire, bodies of redirects included, which on_body never sees. */
static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now)
{
    job_t *job = arg;
    (void)total, (void)up_total, (void)up_now;
    if (now <= (curl_off_t)(job->max_size + RAW_SLACK))
        return 0;
    job->too_large = true;
    return 1;
}

/* --- addresses (worker thread) --------------------------------------------------------------- */

static bool is_allowed(job_t *job, const struct sockaddr *address, size_t len)
{
    static log_limit_t limit;
    fetch_worker_t *self = job->worker;
    pthread_mutex_lock(&self->lock);
    bool allowed = fetch_policy_allows(self->policy, address, len);
    if (!allowed)
        log_limited(&limit, LEVEL_WARN, "FETCH-DENIED", "user=%s client=%s", job->user->name,
                    job->client->name);
    pthread_mutex_unlock(&self->lock);
    job->denied = job->denied || !allowed;
    return allowed;
}

/* Every connection starts here, whatever name, redirect or look-up has led to it. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    if (purpose != CURLSOCKTYPE_IPCXN || !is_allowed(arg, &address->addr, address->addrlen))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* A connection may be an old one, made under another policy. ip: what it really leads to. */
static int on_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port)};
    bool allowed = false;
    (void)local_ip, (void)local_port;
    if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1)
        allowed = is_allowed(arg, (struct sockaddr *)&v4, sizeof v4);
    else if (inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1)
        allowed = is_allowed(arg, (struct sockaddr *)&v6, sizeof v6);
    return allowed ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static void set_callbacks(job_t *job, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, job);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, job);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, job);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, job);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, job);
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
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, self->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "iobus/" IOBUS_VERSION);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* also not that of the environment */
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_UNRESTRICTED_AUTH, 0L);
}

static bool start(fetch_worker_t *self, job_t *job)
{
    if (job->deadline_ms <= mono_ms()) {
        fail_timeout(job);
        return false;
    }
    CURL *easy = curl_easy_init();
    if (!easy) {
        job->result.error = "Out of memory";
        return false;
    }
    set_options(self, job, easy);
    set_callbacks(job, easy);
    job->easy = easy;
    if (curl_multi_add_handle(self->multi, easy) != CURLM_OK) {
        curl_easy_cleanup(easy);
        job->easy = NULL;
        job->result.error = "Out of memory";
        return false;
    }
    list_push(&self->running, job);
    return true;
}

static void deliver(fetch_worker_t *self, job_t *job)
{
    pthread_mutex_lock(&self->lock);
    job->user->running--;
    job->client->running--;
    list_push(&self->done, job);
    pthread_mutex_unlock(&self->lock);
}

static bool may_start(const void *arg, const job_t *job)
{
    const fetch_limits_t *limits = arg;
    return job->user->running < limits->per_user && job->client->running < limits->per_client;
}

static job_t *next_waiting(fetch_worker_t *self)
{
    job_t *job = NULL;
    pthread_mutex_lock(&self->lock);
    if (self->running.count < self->limits.parallel)
        job = list_take(&self->waiting, may_start, &self->limits);
    if (job) {
        job->user->running++;
        job->client->running++;
    }
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
    (void)list_take(&self->running, is_same, job);
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
        curl_multi_perform(self->multi, &running);
        collect(self);
        start_waiting(self);
        curl_multi_poll(self->multi, NULL, 0, POLL_MS, NULL);
    }
    while (self->running.first) {
        job_t *job = self->running.first;
        detach(self, job);
        deliver(self, job);
    }
    return NULL;
}

/* --- owner's side ---------------------------------------------------------------------------- */

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

fetch_worker_t *fetch_worker_new(const fetch_limits_t *limits, fetch_policy_t **policy_p)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    fetch_worker_t *self = calloc(1, sizeof *self);
    assert(self);
    self->limits = *limits;
    self->policy = *policy_p;
    *policy_p = NULL;
    self->multi = curl_multi_init();
    self->headers = curl_slist_append(NULL, "Accept: application/json, text/plain, */*");
    assert(self->multi && self->headers && self->policy);
    pthread_mutex_init(&self->lock, NULL);
    if (pthread_create(&self->thread, NULL, thread_main, self) != 0) {
        self->stop = true;
        fetch_worker_destroy(&self);
    }
    return self;
}

static void forget_parties(fetch_worker_t *self, job_t *job)
{
    fetch_party_unlink(&self->users, &job->user);
    fetch_party_unlink(&self->clients, &job->client);
}

static void destroy_list(fetch_worker_t *self, list_t *list)
{
    job_t *job;
    while ((job = list_pop(list)) != NULL) {
        forget_parties(self, job);
        job_destroy(job);
    }
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
    destroy_list(self, &self->waiting);
    destroy_list(self, &self->done);
    curl_multi_cleanup(self->multi);
    curl_slist_free_all(self->headers);
    pthread_mutex_destroy(&self->lock);
    fetch_policy_destroy(&self->policy);
    free(self);
    *self_p = NULL;
}

void fetch_worker_set_limits(fetch_worker_t *self, const fetch_limits_t *limits,
                             fetch_policy_t **policy_p)
{
    pthread_mutex_lock(&self->lock);
    fetch_policy_t *old = self->policy;
    self->limits = *limits;
    self->policy = *policy_p;
    *policy_p = NULL;
    pthread_mutex_unlock(&self->lock);
    fetch_policy_destroy(&old);
    curl_multi_wakeup(self->multi);
}

static bool has_room(const fetch_worker_t *self, const caller_t *caller)
{
    const fetch_limits_t *limits = &self->limits;
    return self->open < limits->parallel + limits->queue &&
           fetch_party_has_room(fetch_party_find(self->users, caller->user), limits->per_user,
                                limits->queue - limits->queue / 4) &&
           fetch_party_has_room(fetch_party_find(self->clients, caller->client), limits->per_client,
                                limits->queue / 4);
}

bool fetch_worker_has_room(fetch_worker_t *self, const caller_t *caller)
{
    pthread_mutex_lock(&self->lock);
    bool room = has_room(self, caller);
    pthread_mutex_unlock(&self->lock);
    return room;
}

/* Under the lock. False when there is no room or no memory. */
static bool enqueue(fetch_worker_t *self, job_t *job, const caller_t *caller, int64_t timeout_ms)
{
    const fetch_limits_t *limits = &self->limits;
    if (!has_room(self, caller))
        return false;
    job->user = fetch_party_link(&self->users, caller->user);
    job->client = fetch_party_link(&self->clients, caller->client);
    if (!job->user || !job->client) {
        forget_parties(self, job);
        return false;
    }
    job->timeout_ms = timeout_ms < limits->timeout_ms ? timeout_ms : limits->timeout_ms;
    job->deadline_ms = mono_ms() + job->timeout_ms;
    job->max_size = limits->max_size;
    job->max_redirects = limits->max_redirects;
    list_push(&self->waiting, job);
    self->open++;
    return true;
}

bool fetch_worker_submit(fetch_worker_t *self, uint64_t id, const caller_t *caller, str_t url,
                         int64_t timeout_ms)
{
    job_t *job = calloc(1, sizeof *job);
    char *copy = job ? str_dup(url) : NULL;
    if (!copy) {
        free(job);
        return false;
    }
    job->url = copy;
    job->worker = self;
    job->result.id = id;
    pthread_mutex_lock(&self->lock);
    bool taken = enqueue(self, job, caller, timeout_ms);
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
    if (job) {
        self->open--;
        forget_parties(self, job);
    }
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
