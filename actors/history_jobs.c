/* SPDX-License-Identifier: MIT */
/* Work that takes longer than a handler may: queries over many rows, deletions. Each job gets its
 * share of every tick, in turn. */
#include <stdlib.h>
#include <string.h>

#include "actors/history_ctx.h"
#include "actors/loose.h"
#include "actors/rights.h"
#include "bus/log.h"

#define JOBS_MAX 64u        /* more are refused */
#define FIRST_BUDGET 20000u /* rows of a query before its handler returns */
#define TICK_BUDGET 10000u  /* rows of all jobs in one tick */
#define ERASE_BUDGET 2000u  /* deletions in one tick: they travel in one commit */
#define SHARE_MIN 500u      /* rows of a job in its turn */
#define ASK_TTL_MS 5000

struct history_job {
    history_job_t *next; /* ring */
    uint64_t ticket;     /* 0: nobody waits */
    int64_t deadline_ms; /* of a query: it is given up then */
    history_form_t form;
    history_query_t *query; /* NULL: a deletion */
    buf_t session;          /* sessionId, a value; empty: none */
    history_span_t *spans;
    size_t spans_len, spans_at;
    bool is_retention;
    bool wants_found, found;
};

/* --- answers --------------------------------------------------------------------------------- */

static void put_session(buf_t *out, const buf_t *session)
{
    if (session->len)
        mp_put_raw(out, mp_of_buf(session));
    else
        mp_put_nil(out);
}

static void put_message(buf_t *out, const buf_t *rows, const buf_t *step, const buf_t *session,
                        bool truncated)
{
    mp_put_map(out, 3u + (session->len > 0) + truncated);
    mp_put_cstr(out, "result");
    mp_put_raw(out, mp_of_buf(rows));
    mp_put_cstr(out, "step");
    mp_put_raw(out, mp_of_buf(step));
    mp_put_cstr(out, "error");
    mp_put_nil(out);
    if (session->len) {
        mp_put_cstr(out, "sessionId");
        mp_put_raw(out, mp_of_buf(session));
    }
    if (truncated) {
        mp_put_cstr(out, "truncated");
        mp_put_bool(out, true);
    }
}

static err_t put_result(history_query_t *query, history_form_t form, const buf_t *session,
                        reply_t *reply)
{
    static log_limit_t limit;
    buf_t rows = {0}, step = {0};
    bool truncated = history_query_truncated(query);
    err_t err = history_query_result(query, &rows, &step);
    reply_clear(reply);
    if (err == ERR_OK && form == HISTORY_AS_MESSAGE) {
        put_message(reply_value(reply), &rows, &step, session, truncated);
    } else if (err == ERR_OK) {
        reply_nil(reply);
        reply_raw(reply, mp_of_buf(&rows));
        reply_raw(reply, mp_of_buf(&step));
        put_session(reply_value(reply), session);
        if (truncated)
            reply_bool(reply, true);
    }
    if (truncated)
        log_limited(&limit, LEVEL_WARN, "HISTORY-CUT", "an answer was cut to %d rows",
                    HISTORY_MAX_ROWS);
    buf_fini(&rows);
    buf_fini(&step);
    return err;
}

/* An error as the client of this form sees it. */
static err_t refuse(history_form_t form, reply_t *reply, str_t text)
{
    if (form == HISTORY_AS_MESSAGE)
        return history_reply_refusal(reply, text);
    reply_clear(reply);
    reply_str(reply, text);
    return ERR_CUSTOM;
}

static void answer_refusal(history_t *self, uint64_t ticket, history_form_t form, str_t text)
{
    reply_t reply;
    reply_init(&reply);
    err_t err = refuse(form, &reply, text);
    if (ticket)
        self->env->answer(self->env, ticket, err, &reply);
    reply_fini(&reply);
}

/* --- the ring -------------------------------------------------------------------------------- */

static void free_job(history_job_t *job)
{
    history_query_destroy(&job->query);
    history_spans_free(job->spans, job->spans_len);
    buf_fini(&job->session);
    free(job);
}

static history_job_t *add_job(history_t *self, uint64_t ticket)
{
    history_job_t *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->ticket = ticket;
    job->next = job;
    if (self->jobs) {
        job->next = self->jobs->next;
        self->jobs->next = job;
    }
    self->jobs = job; /* the last one of the ring; its next is the first */
    self->jobs_len++;
    return job;
}

static void drop_first(history_t *self)
{
    history_job_t *first = self->jobs->next;
    if (first == self->jobs)
        self->jobs = NULL;
    else
        self->jobs->next = first->next;
    self->jobs_len--;
    if (first->is_retention)
        self->retention_jobs--;
    free_job(first);
}

void history_jobs_free(history_t *self)
{
    while (self->jobs)
        drop_first(self);
}

void history_spans_free(history_span_t *spans, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_fini(&spans[i].id);
    free(spans);
}

/* --- queries --------------------------------------------------------------------------------- */

/* Goes on with a query later. Takes over *query. */
static err_t add_query(history_t *self, uint64_t ticket, int64_t deadline_ms, history_form_t form,
                       const buf_t *session, history_query_t **query)
{
    history_job_t *job = add_job(self, ticket);
    if (!job)
        return ERR_NO_MEMORY;
    job->deadline_ms = deadline_ms;
    job->form = form;
    buf_append_str(&job->session, buf_str(session));
    job->query = *query;
    *query = NULL;
    return ERR_OK;
}

static void finish_query(history_t *self, history_job_t *job)
{
    reply_t reply;
    reply_init(&reply);
    err_t err = put_result(job->query, job->form, &job->session, &reply);
    if (err != ERR_OK)
        err = refuse(job->form, &reply, str_of(err_text(err)));
    if (job->ticket)
        self->env->answer(self->env, job->ticket, err, &reply);
    reply_fini(&reply);
}

/* What the states actor says to somebody who wants to read this state decides. */
static void may_read(history_t *self, history_ask_t *ask, err_t status, mp_t body)
{
    mp_t first;
    str_t text;
    err_t err = status;
    if (status == ERR_OK && mp_at(body, 0, &first) && mp_read_str(&first, &text) &&
        str_is(text, err_text(ERR_PERMISSION)))
        err = ERR_PERMISSION;
    if (err == ERR_OK && self->jobs_len >= JOBS_MAX)
        err = ERR_BUSY;
    if (err == ERR_OK)
        err = add_query(self, ask->ticket, ask->deadline_ms, ask->form, &ask->session, &ask->query);
    if (err != ERR_OK)
        answer_refusal(self, ask->ticket, ask->form, str_of(err_text(err)));
}

static err_t ask_permission(history_t *self, const request_t *request, str_t id,
                            history_form_t form, const buf_t *session, history_query_t **query)
{
    buf_t args = {0};
    uint64_t ticket = self->env->defer(self->env, request);
    if (ticket == 0)
        return ERR_BUSY;
    history_ask_t *ask = history_ask_new(self, may_read);
    if (!ask)
        return ERR_NO_MEMORY; /* the dispatcher forgets the ticket */
    ask->ticket = ticket;
    ask->deadline_ms = request->deadline_ms;
    ask->form = form;
    buf_append_str(&ask->session, buf_str(session));
    ask->query = *query;
    *query = NULL;
    mp_put_array(&args, 1);
    mp_put_str(&args, id);
    history_ask_send(ask, "states", "getState", &request->caller, &args, ASK_TTL_MS);
    buf_fini(&args);
    return ERR_PENDING;
}

static err_t run_query(history_t *self, const request_t *request, reply_t *reply,
                       history_form_t form, const buf_t *session, history_query_t **query)
{
    if (history_query_step(*query, FIRST_BUDGET))
        return put_result(*query, form, session, reply);
    if (self->jobs_len >= JOBS_MAX)
        return ERR_BUSY;
    uint64_t ticket = self->env->defer(self->env, request);
    if (ticket == 0)
        return ERR_BUSY;
    err_t err = add_query(self, ticket, request->deadline_ms, form, session, query);
    return err == ERR_OK ? ERR_PENDING : err;
}

err_t history_query(history_t *self, const request_t *request, reply_t *reply, str_t id,
                    mp_t options, const history_defaults_t *defaults, history_form_t form)
{
    history_options_t read;
    buf_t why = {0}, session = {0};
    if (!history_options_read(options, defaults, self->env->now(self->env), &read, &why)) {
        err_t refused = refuse(form, reply, buf_str(&why));
        buf_fini(&why);
        return refused;
    }
    buf_fini(&why);
    mp_t given = loose_get(options, "sessionId");
    if (given.p)
        mp_put_raw(&session, given);
    history_query_t *query = history_query_new(self->engine, history_store_id(self, id), id, &read);
    err_t err = ERR_NO_MEMORY;
    if (query && rights_is_root(request->caller.user))
        err = run_query(self, request, reply, form, &session, &query);
    else if (query)
        err = ask_permission(self, request, id, form, &session, &query);
    history_query_destroy(&query);
    buf_fini(&session);
    if (err != ERR_OK && err != ERR_PENDING && form == HISTORY_AS_MESSAGE)
        return history_reply_refusal(reply, str_of(err_text(err)));
    return err;
}

/* --- deletions ------------------------------------------------------------------------------- */

err_t history_erase(history_t *self, const request_t *request, history_span_t **spans, size_t len,
                    bool wants_found)
{
    uint64_t ticket = 0;
    history_job_t *job = NULL;
    err_t err = self->jobs_len >= JOBS_MAX ? ERR_BUSY : ERR_OK;
    if (err == ERR_OK && request && request->wants_reply &&
        (ticket = self->env->defer(self->env, request)) == 0)
        err = ERR_BUSY;
    if (err == ERR_OK && !(job = add_job(self, ticket)))
        err = ERR_NO_MEMORY;
    if (!job) {
        history_spans_free(*spans, len);
        *spans = NULL;
        return err;
    }
    job->form = HISTORY_AS_MESSAGE;
    job->spans = *spans;
    job->spans_len = len;
    job->wants_found = wants_found;
    job->is_retention = request == NULL;
    self->retention_jobs += job->is_retention;
    *spans = NULL;
    return ERR_PENDING;
}

/* Deletes rows of one span; false: the budget is used up before its end. */
static bool erase_span(history_t *self, history_job_t *job, const history_span_t *span,
                       uint32_t *budget)
{
    history_row_t row;
    str_t key;
    buf_t copy = {0};
    history_scan_t *scan = history_scan_new(self->engine, buf_str(&span->id), span->from);
    bool more = true;
    while (*budget > 0 &&
           (more = scan && history_scan_next(scan, &row, &key) && row.ts <= span->to)) {
        buf_reset(&copy);
        buf_append_str(&copy, key);
        if (!copy.failed)
            engine_delete(self->engine, buf_str(&copy));
        job->found = true;
        (*budget)--;
    }
    history_scan_destroy(&scan);
    buf_fini(&copy);
    return !more;
}

static bool step_erase(history_t *self, history_job_t *job, uint32_t *budget)
{
    while (job->spans_at<job->spans_len && * budget> 0) {
        if (!erase_span(self, job, &job->spans[job->spans_at], budget))
            return false;
        job->spans_at++;
        if (*budget > 0)
            (*budget)--; /* spans without rows cost something too */
    }
    return job->spans_at == job->spans_len;
}

static void finish_erase(history_t *self, const history_job_t *job)
{
    reply_t reply;
    if (!job->ticket)
        return;
    reply_init(&reply);
    buf_t *out = reply_value(&reply);
    mp_put_map(out, 1);
    mp_put_cstr(out, "success");
    mp_put_bool(out, job->found || !job->wants_found);
    self->env->answer(self->env, job->ticket, ERR_OK, &reply);
    reply_fini(&reply);
}

/* --- ticks ----------------------------------------------------------------------------------- */

/* One turn of the first job; true: it is done. */
static bool step_job(history_t *self, history_job_t *job, uint32_t share, uint32_t *erase_budget)
{
    if (!job->query) {
        bool done = step_erase(self, job, erase_budget);
        if (done)
            finish_erase(self, job);
        return done;
    }
    if (job->ticket && self->env->mono(self->env) > job->deadline_ms)
        return true; /* answered by the dispatcher */
    bool done = history_query_step(job->query, share);
    if (done)
        finish_query(self, job);
    return done;
}

bool history_jobs_step(history_t *self)
{
    size_t turns = self->jobs_len;
    uint32_t erase_budget = ERASE_BUDGET;
    uint32_t share = turns ? TICK_BUDGET / (uint32_t)turns : 0;
    if (share < SHARE_MIN)
        share = SHARE_MIN;
    for (; turns > 0 && self->jobs; turns--) {
        if (step_job(self, self->jobs->next, share, &erase_budget))
            drop_first(self);
        else
            self->jobs = self->jobs->next;
    }
    return self->jobs != NULL;
}

/* --- questions to others --------------------------------------------------------------------- */

static void free_ask(history_ask_t *ask)
{
    *ask->link = ask->next;
    if (ask->next)
        ask->next->link = ask->link;
    history_query_destroy(&ask->query);
    buf_fini(&ask->session);
    free(ask);
}

history_ask_t *history_ask_new(history_t *self, history_done_fn *done)
{
    history_ask_t *ask = calloc(1, sizeof *ask);
    if (!ask)
        return NULL;
    ask->history = self;
    ask->done = done;
    ask->next = self->asks;
    ask->link = &self->asks;
    if (ask->next)
        ask->next->link = &ask->next;
    self->asks = ask;
    return ask;
}

static void answered(void *arg, err_t status, mp_t body)
{
    history_ask_t *ask = arg;
    ask->done(ask->history, ask, status, body);
    free_ask(ask);
}

void history_ask_send(history_ask_t *ask, const char *actor, const char *command,
                      const caller_t *caller, const buf_t *args, int64_t ttl_ms)
{
    env_t *env = ask->history->env;
    env->ask(env, actor, command, caller, mp_of_buf(args), ttl_ms, answered, ask);
}

void history_asks_free(history_t *self)
{
    while (self->asks)
        free_ask(self->asks);
}
