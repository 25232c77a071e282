// SPDX-License-Identifier: MIT
// Where the lines of a plot stand: round numbers, and times at which people look at a clock.
import { formatMinutes, formatClock, formatShortDay } from './format.js';

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const TIME_STEPS = [SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR,
    2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY];

/** The next of 1, 2, 5, 10, 20, … */
export function roundStep(rough) {
    const power = Math.pow(10, Math.floor(Math.log10(rough)));
    return [1, 2, 5, 10].map(n => n * power).find(step => step >= rough * 0.999);
}

/** @returns {{low: number, high: number, ticks: number[], digits: number}} */
export function valueScale(min, max, lines) {
    const flat = !(max > min);
    const from = flat ? min - Math.max(1, Math.abs(min) * 0.05) : min;
    const to = flat ? max + Math.max(1, Math.abs(max) * 0.05) : max;
    const step = roundStep((to - from) / lines);
    const low = Math.floor(from / step + 1e-9) * step, high = Math.ceil(to / step - 1e-9) * step;
    const ticks = [];
    for (let i = 0; i <= Math.round((high - low) / step) && i < 50; i++) {
        ticks.push(low + i * step);
    }
    return { low, high, ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/** @returns {Array<{at: number, text: string}>} in local time */
export function timeTicks(start, end, lines) {
    const step = TIME_STEPS.find(one => one >= (end - start) / lines) || TIME_STEPS[TIME_STEPS.length - 1];
    const shift = new Date(start).getTimezoneOffset() * MINUTE;
    const text = step >= DAY ? formatShortDay : step >= MINUTE ? formatMinutes : formatClock;
    const ticks = [];
    for (let at = Math.ceil((start - shift) / step) * step + shift; at <= end && ticks.length < 50; at += step) {
        const local = new Date(at);
        const midnight = step < DAY && step >= 10 * MINUTE && local.getHours() === 0 && local.getMinutes() === 0;
        ticks.push({ at, text: midnight ? formatShortDay(at) : text(at) });
    }
    return ticks;
}
