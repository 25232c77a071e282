/* SPDX-License-Identifier: MIT */
#include "actors/demo_house.h"

#include <math.h>

#define REACT_MIN_MS 200 /* a device takes a moment to do what it is told */
#define REACT_MAX_MS 600
#define DRIFT_MIN_MS 2000 /* between two reports of a sensor */
#define DRIFT_MAX_MS 6000
#define SHUTTER_STEP_MS 500   /* between two reports of a moving shutter */
#define SHUTTER_PER_SECOND 12 /* percent */
#define LAMP_WATTS 11.0       /* at 100 % */
#define SOCKET_WATTS 58.0
#define BASE_WATTS 94.0

static const house_row_t rows[HOUSE_POINTS] = {
    /*                                id, switch, commands, start, step, min, max, decimals */
    [HOUSE_LAMP_ON] = {"demo.house.lamp.on", true, true, 0, 0, 0, 1, 0},
    [HOUSE_LAMP_LEVEL] = {"demo.house.lamp.level", false, true, 80, 0, 0, 100, 0},
    [HOUSE_SOCKET_ON] = {"demo.house.socket.on", true, true, 1, 0, 0, 1, 0},
    [HOUSE_SHUTTER_LEVEL] = {"demo.house.shutter.level", false, true, 100, 0, 0, 100, 0},
    [HOUSE_SHUTTER_STOP] = {"demo.house.shutter.stop", true, true, 0, 0, 0, 1, 0},
    [HOUSE_SHUTTER_MOVING] = {"demo.house.shutter.moving", true, false, 0, 0, 0, 1, 0},
    [HOUSE_LIVINGROOM_TEMPERATURE] = {"demo.house.livingroom.temperature", false, false, 21.3, 0.1,
                                      19, 24, 1},
    [HOUSE_LIVINGROOM_HUMIDITY] = {"demo.house.livingroom.humidity", false, false, 47, 1, 38, 60,
                                   0},
    [HOUSE_KITCHEN_TEMPERATURE] = {"demo.house.kitchen.temperature", false, false, 20.6, 0.1, 18,
                                   25, 1},
    [HOUSE_OUTSIDE_TEMPERATURE] = {"demo.house.outside.temperature", false, false, 8.4, 0.2, -5, 25,
                                   1},
    [HOUSE_METER_POWER] = {"demo.house.meter.power", false, false, 152, 3, 0, 10000, 0},
    [HOUSE_METER_ENERGY] = {"demo.house.meter.energy", false, false, 1234.5, 0, 0, 1e9, 4},
};

#define NAME(en, de) "\"name\":{\"en\":\"" en "\",\"de\":\"" de "\"}"
#define CHANNEL(en, de, role)                                                                      \
    "{\"type\":\"channel\",\"common\":{" NAME(en, de) ",\"role\":\"" role "\"},\"native\":{}}"
#define STATE(en, de, type, role, write, more)                                                     \
    "{\"type\":\"state\",\"common\":{" NAME(en, de) ",\"type\":\"" type "\",\"role\":\"" role      \
                                                    "\",\"read\":true,\"write\":" write more       \
                                                    "},\"native\":{}}"
#define RECORDED ",\"custom\":{\"history.0\":{\"enabled\":true,\"changesOnly\":true}}"
#define SENSOR(en, de, role, unit)                                                                 \
    STATE(en, de, "number", role, "false", ",\"unit\":\"" unit "\"" RECORDED)
#define LEVEL(en, de, role)                                                                        \
    STATE(en, de, "number", role, "true", ",\"unit\":\"%\",\"min\":0,\"max\":100")
#define ENUM(en, de, members)                                                                      \
    "{\"type\":\"enum\",\"common\":{" NAME(en, de) ",\"members\":[" members "]},\"native\":{}}"

static const house_object_t objects[] = {
    {"demo.house", "{\"type\":\"folder\",\"common\":{" NAME("House", "Haus") "},\"native\":{}}"},
    {"demo.house.lamp", CHANNEL("Lamp", "Lampe", "light.dimmer")},
    {"demo.house.lamp.on", STATE("Lamp on", "Lampe an", "boolean", "switch.light", "true", "")},
    {"demo.house.lamp.level", LEVEL("Brightness", "Helligkeit", "level.dimmer")},
    {"demo.house.socket", CHANNEL("Socket", "Steckdose", "socket")},
    {"demo.house.socket.on", STATE("Socket on", "Steckdose an", "boolean", "switch", "true", "")},
    {"demo.house.shutter", CHANNEL("Shutter", "Rollladen", "blind")},
    {"demo.house.shutter.level", LEVEL("Position", "Position", "level.blind")},
    {"demo.house.shutter.stop",
     "{\"type\":\"state\",\"common\":{" NAME(
         "Stop", "Stopp") ",\"type\":\"boolean\",\"role\":\"button.stop.blind\","
                          "\"read\":false,\"write\":true},\"native\":{}}"},
    {"demo.house.shutter.moving",
     STATE("Moving", "In Bewegung", "boolean", "indicator.working", "false", "")},
    {"demo.house.livingroom",
     CHANNEL("Climate of the living room", "Klima im Wohnzimmer", "thermometer")},
    {"demo.house.livingroom.temperature", SENSOR("Temperature", "Temperatur", "value.temperature",
                                                 "\xc2\xb0"
                                                 "C")},
    {"demo.house.livingroom.humidity",
     SENSOR("Humidity", "Luftfeuchtigkeit", "value.humidity", "%")},
    {"demo.house.kitchen", CHANNEL("Climate of the kitchen",
                                   "Klima in der K\xc3\xbc"
                                   "che",
                                   "thermometer")},
    {"demo.house.kitchen.temperature", SENSOR("Temperature", "Temperatur", "value.temperature",
                                              "\xc2\xb0"
                                              "C")},
    {"demo.house.outside", CHANNEL("Weather", "Wetter", "thermometer")},
    {"demo.house.outside.temperature", SENSOR("Temperature outside",
                                              "Au\xc3\x9f"
                                              "entemperatur",
                                              "value.temperature",
                                              "\xc2\xb0"
                                              "C")},
    {"demo.house.meter", CHANNEL("Electricity meter", "Stromz\xc3\xa4hler", "info")},
    {"demo.house.meter.power", SENSOR("Power", "Leistung", "value.power", "W")},
    {"demo.house.meter.energy", SENSOR("Energy", "Energie", "value.energy.consumed", "kWh")},
    {"enum.rooms.demo_livingroom",
     ENUM("Living room", "Wohnzimmer",
          "\"demo.house.lamp\",\"demo.house.shutter\",\"demo.house.livingroom\"")},
    {"enum.rooms.demo_kitchen", ENUM("Kitchen",
                                     "K\xc3\xbc"
                                     "che",
                                     "\"demo.house.socket\",\"demo.house.kitchen\"")},
    {"enum.rooms.demo_outside", ENUM("Garden", "Garten", "\"demo.house.outside\"")},
    {"enum.functions.demo_light", ENUM("Light", "Licht", "\"demo.house.lamp\"")},
    {"enum.functions.demo_heating",
     ENUM("Temperatures", "Temperaturen",
          "\"demo.house.livingroom.temperature\",\"demo.house.kitchen.temperature\",\"demo.house."
          "outside.temperature\"")},
    {NULL, NULL},
};

const house_row_t *house_row(house_point_t point)
{
    return &rows[point];
}

const house_object_t *house_objects(void)
{
    return objects;
}

house_point_t house_find(str_t id)
{
    int point = 0;
    while (point < HOUSE_POINTS && !str_is(id, rows[point].id))
        point++;
    return (house_point_t)point;
}

/* --- numbers --------------------------------------------------------------------------------- */

/* From 0 to below 1 (a linear congruential generator: a demo needs no better one). */
static double next_random(house_t *self)
{
    self->seed = self->seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(self->seed >> 11) / 9007199254740992.0;
}

static int64_t after(house_t *self, int64_t mono_ms, int64_t min_ms, int64_t max_ms)
{
    return mono_ms + min_ms + (int64_t)(next_random(self) * (double)(max_ms - min_ms));
}

static double fit(house_point_t point, double value)
{
    const house_row_t *row = &rows[point];
    double scale = pow(10, row->decimals);
    if (isnan(value))
        return row->start;
    value = value < row->min ? row->min : value > row->max ? row->max : value;
    return round(value * scale) / scale;
}

/* --- life ------------------------------------------------------------------------------------ */

void house_init(house_t *self, uint64_t seed, int64_t mono_ms)
{
    *self = (house_t){.seed = seed, .metered_ms = mono_ms};
    for (int i = 0; i < HOUSE_POINTS; i++) {
        self->values[i] = rows[i].start;
        if (rows[i].step > 0)
            self->due_ms[i] = after(self, mono_ms, DRIFT_MIN_MS / 4, DRIFT_MAX_MS);
    }
    self->target = self->values[HOUSE_SHUTTER_LEVEL];
}

void house_restore(house_t *self, house_point_t point, double value)
{
    if (point == HOUSE_METER_POWER || point == HOUSE_SHUTTER_MOVING || point == HOUSE_SHUTTER_STOP)
        return; /* follow from the others */
    self->values[point] = fit(point, value);
    self->target = self->values[HOUSE_SHUTTER_LEVEL];
}

void house_command(house_t *self, house_point_t point, double value, int64_t mono_ms)
{
    if (!rows[point].commands)
        return;
    self->wanted[point] = fit(point, value);
    self->due_ms[point] = after(self, mono_ms, REACT_MIN_MS, REACT_MAX_MS);
}

typedef struct {
    house_t *house;
    int64_t mono_ms;
    house_emit_fn *emit;
    void *arg;
} step_t;

static void report(const step_t *step, house_point_t point, double value)
{
    step->house->values[point] = value;
    step->emit(step->arg, point, value);
}

/* The meter sees at once what a switch does. */
static void report_power_soon(const step_t *step)
{
    step->house->due_ms[HOUSE_METER_POWER] = step->mono_ms + 1;
}

static void switch_lamp(const step_t *step, double on)
{
    house_t *self = step->house;
    if (on > 0 && self->values[HOUSE_LAMP_LEVEL] == 0)
        report(step, HOUSE_LAMP_LEVEL, 100);
    report(step, HOUSE_LAMP_ON, on);
    report_power_soon(step);
}

static void dim_lamp(const step_t *step, double level)
{
    double on = level > 0;
    report(step, HOUSE_LAMP_LEVEL, level);
    if (on != step->house->values[HOUSE_LAMP_ON])
        report(step, HOUSE_LAMP_ON, on);
    report_power_soon(step);
}

static void switch_socket(const step_t *step, double on)
{
    report(step, HOUSE_SOCKET_ON, on);
    report_power_soon(step);
}

static void stand(const step_t *step)
{
    house_t *self = step->house;
    self->moved_ms = 0;
    self->target = self->values[HOUSE_SHUTTER_LEVEL];
    report(step, HOUSE_SHUTTER_LEVEL, self->target);
    report(step, HOUSE_SHUTTER_MOVING, 0);
}

static void move_shutter(const step_t *step, double target)
{
    house_t *self = step->house;
    self->target = target;
    if (target == self->values[HOUSE_SHUTTER_LEVEL]) {
        stand(step);
    } else if (self->moved_ms == 0) {
        self->moved_ms = step->mono_ms;
        report(step, HOUSE_SHUTTER_MOVING, 1);
    }
}

static void stop_shutter(const step_t *step, double pressed)
{
    report(step, HOUSE_SHUTTER_STOP, pressed);
    if (pressed > 0)
        stand(step);
}

typedef void act_fn(const step_t *step, double wanted);

static act_fn *const acts[HOUSE_POINTS] = {
    [HOUSE_LAMP_ON] = switch_lamp,       [HOUSE_LAMP_LEVEL] = dim_lamp,
    [HOUSE_SOCKET_ON] = switch_socket,   [HOUSE_SHUTTER_LEVEL] = move_shutter,
    [HOUSE_SHUTTER_STOP] = stop_shutter,
};

static void carry_shutter(const step_t *step)
{
    house_t *self = step->house;
    int64_t passed = step->mono_ms - self->moved_ms;
    double way = (double)passed / 1000 * SHUTTER_PER_SECOND;
    double level = self->values[HOUSE_SHUTTER_LEVEL];
    if (self->moved_ms == 0 || passed < SHUTTER_STEP_MS)
        return;
    self->moved_ms = step->mono_ms;
    if (fabs(self->target - level) <= way) {
        self->values[HOUSE_SHUTTER_LEVEL] = self->target;
        stand(step);
    } else {
        report(step, HOUSE_SHUTTER_LEVEL,
               fit(HOUSE_SHUTTER_LEVEL, self->target > level ? level + way : level - way));
    }
}

static void read_meter(const step_t *step)
{
    house_t *self = step->house;
    double hours = (double)(step->mono_ms - self->metered_ms) / 3600000.0;
    double energy =
        self->values[HOUSE_METER_ENERGY] + self->values[HOUSE_METER_POWER] / 1000 * hours;
    double power = BASE_WATTS + rows[HOUSE_METER_POWER].step * (next_random(self) - 0.5) * 2;
    if (self->values[HOUSE_LAMP_ON] > 0)
        power += LAMP_WATTS * self->values[HOUSE_LAMP_LEVEL] / 100;
    if (self->values[HOUSE_SOCKET_ON] > 0)
        power += SOCKET_WATTS;
    self->metered_ms = step->mono_ms;
    report(step, HOUSE_METER_POWER, fit(HOUSE_METER_POWER, power));
    self->values[HOUSE_METER_ENERGY] = energy; /* unrounded, or small steps would get lost */
    step->emit(step->arg, HOUSE_METER_ENERGY, fit(HOUSE_METER_ENERGY, energy));
}

/* A step up or down; the farther from where it began, the likelier back. */
static void drift(const step_t *step, house_point_t point)
{
    const house_row_t *row = &rows[point];
    house_t *self = step->house;
    double value = self->values[point];
    double pull = (row->start - value) / (row->max - row->min);
    double direction = next_random(self) - 0.5 + pull > 0 ? 1 : -1;
    report(step, point, fit(point, value + direction * row->step));
}

static void act(const step_t *step, house_point_t point)
{
    house_t *self = step->house;
    self->due_ms[point] = 0;
    if (rows[point].step > 0)
        self->due_ms[point] = after(self, step->mono_ms, DRIFT_MIN_MS, DRIFT_MAX_MS);
    if (acts[point])
        acts[point](step, self->wanted[point]);
    else if (point == HOUSE_METER_POWER)
        read_meter(step);
    else
        drift(step, point);
}

int64_t house_step(house_t *self, int64_t mono_ms, house_emit_fn *emit, void *arg)
{
    const step_t step = {self, mono_ms, emit, arg};
    int64_t next = mono_ms + DRIFT_MAX_MS;
    for (int i = 0; i < HOUSE_POINTS; i++) {
        if (self->due_ms[i] > 0 && self->due_ms[i] <= mono_ms)
            act(&step, (house_point_t)i);
    }
    carry_shutter(&step);
    for (int i = 0; i < HOUSE_POINTS; i++) {
        if (self->due_ms[i] > 0 && self->due_ms[i] < next)
            next = self->due_ms[i];
    }
    if (self->moved_ms > 0 && self->moved_ms + SHUTTER_STEP_MS < next)
        next = self->moved_ms + SHUTTER_STEP_MS;
    return next > mono_ms ? next - mono_ms : 1;
}
