/* SPDX-License-Identifier: MIT */
#include "actors/demo_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/json.h"

/* What the house has reported since the last look. */
typedef struct {
    int count[HOUSE_POINTS];
    double last[HOUSE_POINTS];
} seen_t;

static void see(void *arg, house_point_t point, double value)
{
    seen_t *seen = arg;
    seen->count[point]++;
    seen->last[point] = value;
}

static int64_t run(house_t *house, int64_t from_ms, int64_t ms, seen_t *seen)
{
    *seen = (seen_t){0};
    for (int64_t at = from_ms; at <= from_ms + ms; at += 50)
        assert_true(house_step(house, at, see, seen) > 0);
    return from_ms + ms;
}

static void test_usage(void **state)
{
    (void)state;
    house_t house;
    seen_t seen;
    house_init(&house, 1, 1000);
    house_command(&house, HOUSE_LAMP_ON, 1, 1000);
    run(&house, 1000, 100, &seen);
    assert_int_equal(seen.count[HOUSE_LAMP_ON], 0); /* a device takes a moment */
    run(&house, 1100, 1000, &seen);
    assert_int_equal(seen.count[HOUSE_LAMP_ON], 1);
    assert_true(seen.last[HOUSE_LAMP_ON] == 1);
    assert_true(seen.count[HOUSE_METER_POWER] >= 1);
}

static void test_dimming(void **state)
{
    (void)state;
    house_t house;
    seen_t seen;
    house_init(&house, 1, 1000);
    house_command(&house, HOUSE_LAMP_LEVEL, 400, 1000);
    int64_t now = run(&house, 1000, 1000, &seen);
    assert_true(seen.last[HOUSE_LAMP_LEVEL] == 100 && seen.last[HOUSE_LAMP_ON] == 1);
    house_command(&house, HOUSE_LAMP_LEVEL, -3, now);
    now = run(&house, now, 1000, &seen);
    assert_true(seen.count[HOUSE_LAMP_ON] == 1 && seen.last[HOUSE_LAMP_ON] == 0);
    house_command(&house, HOUSE_LAMP_ON, 1, now);
    run(&house, now, 1000, &seen);
    assert_true(seen.last[HOUSE_LAMP_LEVEL] == 100);
}

static void test_shutter_takes_its_time(void **state)
{
    (void)state;
    house_t house;
    seen_t seen;
    house_init(&house, 1, 1000);
    house_command(&house, HOUSE_SHUTTER_LEVEL, 40, 1000);
    int64_t now = run(&house, 1000, 2500, &seen);
    assert_true(seen.last[HOUSE_SHUTTER_MOVING] == 1);
    assert_true(seen.last[HOUSE_SHUTTER_LEVEL] < 100 && seen.last[HOUSE_SHUTTER_LEVEL] > 40);
    now = run(&house, now, 10000, &seen);
    assert_true(seen.last[HOUSE_SHUTTER_MOVING] == 0 && seen.last[HOUSE_SHUTTER_LEVEL] == 40);
    house_command(&house, HOUSE_SHUTTER_LEVEL, 100, now);
    now = run(&house, now, 2000, &seen);
    house_command(&house, HOUSE_SHUTTER_STOP, 1, now);
    now = run(&house, now, 1000, &seen);
    double stopped = seen.last[HOUSE_SHUTTER_LEVEL];
    assert_true(stopped > 40 && stopped < 100 && seen.last[HOUSE_SHUTTER_MOVING] == 0);
    run(&house, now, 3000, &seen);
    assert_int_equal(seen.count[HOUSE_SHUTTER_LEVEL], 0);
}

static void test_sensors_drift_within_bounds(void **state)
{
    (void)state;
    house_t house;
    seen_t seen;
    house_init(&house, 7, 1000);
    int64_t now = run(&house, 1000, 10000, &seen);
    for (int i = HOUSE_LIVINGROOM_TEMPERATURE; i <= HOUSE_METER_ENERGY; i++)
        assert_true(seen.count[i] > 0);
    for (int i = 0; i < 200; i++) {
        now = run(&house, now, 5000, &seen);
        for (int j = 0; j < HOUSE_POINTS; j++) {
            const house_row_t *row = house_row((house_point_t)j);
            assert_true(house.values[j] >= row->min && house.values[j] <= row->max);
        }
    }
}

static void test_restore(void **state)
{
    (void)state;
    house_t house;
    seen_t seen;
    house_init(&house, 1, 1000);
    house_restore(&house, HOUSE_SHUTTER_LEVEL, 30);
    house_restore(&house, HOUSE_METER_ENERGY, 99);
    house_restore(&house, HOUSE_SHUTTER_MOVING, 1);
    run(&house, 1000, 10000, &seen);
    assert_int_equal(seen.count[HOUSE_SHUTTER_LEVEL], 0);
    assert_true(seen.last[HOUSE_METER_ENERGY] >= 99 && seen.last[HOUSE_METER_ENERGY] < 100);
}

static void test_objects(void **state)
{
    (void)state;
    size_t states = 0;
    for (const house_object_t *object = house_objects(); object->id; object++) {
        buf_t value = {0};
        mp_t common, name;
        str_t text;
        assert_int_equal(json_to_mp(&value, str_of(object->json)), ERR_OK);
        assert_true(mp_path(mp_of_buf(&value), &common, "common", NULL));
        assert_true(mp_find(common, "name", &name) && mp_find_str(name, "en", &text) &&
                    mp_find_str(name, "de", &text));
        if (mp_find_str(mp_of_buf(&value), "type", &text) && str_is(text, "state")) {
            house_point_t point = house_find(str_of(object->id));
            bool write = false;
            assert_int_not_equal(point, HOUSE_POINTS);
            assert_true(mp_find_str(common, "type", &text) &&
                        mp_find_bool(common, "write", &write));
            assert_int_equal(str_is(text, "boolean"), house_row(point)->is_switch);
            assert_int_equal(write, house_row(point)->commands);
            states++;
        }
        buf_fini(&value);
    }
    assert_int_equal(states, HOUSE_POINTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_dimming),
        cmocka_unit_test(test_shutter_takes_its_time),
        cmocka_unit_test(test_sensors_drift_within_bounds),
        cmocka_unit_test(test_restore),
        cmocka_unit_test(test_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
