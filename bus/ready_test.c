/* SPDX-License-Identifier: MIT */
#include "bus/ready.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <czmq.h>

typedef struct {
    ready_t *ready;
    zsock_t *here, *there;
    size_t number;
} pair_t;

static int set_up(void **state)
{
    static pair_t pair;
    zsys_handler_set(NULL);
    pair.here = zsys_create_pipe(&pair.there);
    pair.ready = ready_new();
    pair.number = ready_add(pair.ready, pair.here);
    *state = &pair;
    return 0;
}

static int tear_down(void **state)
{
    pair_t *pair = *state;
    ready_remove(pair->ready, pair->number);
    ready_destroy(&pair->ready);
    zsock_destroy(&pair->here);
    zsock_destroy(&pair->there);
    return 0;
}

/* Receives what is there, as an owner does; returns how many messages. */
static int drain(pair_t *pair)
{
    int count = 0;
    zmq_msg_t msg;
    while (ready_is(pair->ready, pair->number)) {
        if (!sock_recv(pair->here, &msg)) {
            ready_clear(pair->ready, pair->number);
            break;
        }
        zmq_msg_close(&msg);
        count++;
    }
    return count;
}

/* Usage: wait, receive from flagged sockets until there is nothing, wait again. */
static void flags_what_has_come(void **state)
{
    pair_t *pair = *state;
    assert_true(ready_is(pair->ready, pair->number)); /* new sockets may have something already */
    assert_int_equal(drain(pair), 0);
    ready_wait(pair->ready, 0);
    assert_false(ready_any(pair->ready));
    assert_int_equal(sock_send(pair->there, STR_LIT("a"), false), ERR_OK);
    assert_int_equal(sock_send(pair->there, STR_LIT("b"), false), ERR_OK);
    ready_wait(pair->ready, 5000);
    assert_int_equal(drain(pair), 2);
}

/* Sending lets ZeroMQ look into the mailbox, which can take the sign away: so whoever sends marks.
 */
static void nothing_is_lost_between_sends(void **state)
{
    pair_t *pair = *state;
    int received = drain(pair);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sock_send(pair->there, STR_LIT("x"), false), ERR_OK);
        assert_int_equal(sock_send(pair->here, STR_LIT("y"), false), ERR_OK);
        ready_mark(pair->ready, pair->number);
        ready_wait(pair->ready, 0);
        received += drain(pair);
    }
    assert_int_equal(received, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flags_what_has_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_lost_between_sends, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
