// SPDX-License-Identifier: MIT
// Values, times and sizes as people read them.
import { language, t } from './i18n.js';

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const MAX_TEXT = 200;

const plain = new Intl.NumberFormat(language, { maximumFractionDigits: 6 });
const rounded = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const coarse = [new Intl.NumberFormat(language, { maximumFractionDigits: 2 }), new Intl.NumberFormat(language, { maximumFractionDigits: 1 })];
const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const minutes = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', year: 'numeric' });
const shortDay = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' });

export function formatNumber(value) {
    return plain.format(value);
}

/** With as many digits as matter for a rate or an average. */
export function formatRate(value) {
    return value >= 10 ? plain.format(Math.round(value)) : rounded.format(value);
}

export function formatClock(ms) {
    return clock.format(new Date(ms));
}

export function formatMinutes(ms) {
    return minutes.format(new Date(ms));
}

export function formatShortDay(ms) {
    return shortDay.format(new Date(ms));
}

export function formatMoment(ms) {
    return `${day.format(new Date(ms))}, ${clock.format(new Date(ms))}`;
}

/** How long ago, in the largest unit that fits; the date when it is more than a month. */
export function formatAgo(ms, now) {
    const age = (now || Date.now()) - ms;
    if (!(ms > 0)) {
        return t('value.none');
    }
    if (age < 2 * SECOND) {
        return age < -MINUTE ? formatMoment(ms) : t('ago.now');
    }
    if (age < MINUTE) {
        return t('ago.seconds', Math.floor(age / SECOND));
    }
    if (age < HOUR) {
        return t('ago.minutes', Math.floor(age / MINUTE));
    }
    if (age < DAY) {
        return t('ago.hours', Math.floor(age / HOUR));
    }
    return age < 30 * DAY ? t('ago.days', Math.floor(age / DAY)) : day.format(new Date(ms));
}

/** A length of time, of its two largest units. */
export function formatSpan(seconds) {
    const parts = [['span.days', Math.floor(seconds / 86400)], ['span.hours', Math.floor(seconds / 3600) % 24],
        ['span.minutes', Math.floor(seconds / 60) % 60], ['span.seconds', Math.floor(seconds) % 60]];
    const first = parts.findIndex(([, count]) => count > 0);
    return (first < 0 ? parts.slice(3) : parts.slice(first, first + 2)).map(([key, count]) => t(key, count)).join(' ');
}

export function formatSize(bytes) {
    const units = ['B', 'KB', 'MB', 'GB', 'TB'];
    let value = bytes, unit = 0;
    while (value >= 1000 && unit < units.length - 1) {
        value /= 1000;
        unit++;
    }
    return `${unit ? rounded.format(value) : value} ${units[unit]}`;
}

/** common.states in its three shapes: [[value, label], …]. */
export function choicesOf(common) {
    const states = common && common.states;
    if (!states) {
        return [];
    }
    if (typeof states === 'string') {
        return states.split(';').filter(Boolean).map(pair => {
            const at = pair.indexOf(':');
            return at < 0 ? [pair, pair] : [pair.slice(0, at), pair.slice(at + 1)];
        });
    }
    return Array.isArray(states) ? states.map(text => [String(text), String(text)])
        : Object.keys(states).map(key => [key, String(states[key])]);
}

const WORDS = [ // what true and false mean, by role
    [/window|door|gate|garage/, 'value.open', 'value.closed'],
    [/switch|light|power|enabled|socket/, 'value.on', 'value.off'],
    [/alarm|motion|working|connected|reachable|lowbat/, 'value.yes', 'value.no'],
];

function wordFor(value, role) {
    const row = WORDS.find(([regex]) => regex.test(role || ''));
    return row ? t(value ? row[1] : row[2]) : String(value);
}

export function isMoment(common) {
    return /^(value\.)?(date|time|datetime)(\.|$)/.test(common && common.role || '');
}

/** A value without its unit. */
export function formatValue(value, common) {
    if (value === null || value === undefined) {
        return t('value.none');
    }
    const choice = choicesOf(common).find(([key]) => key === String(value));
    if (choice) {
        return choice[1];
    }
    if (typeof value === 'boolean') {
        return wordFor(value, common && common.role);
    }
    if (typeof value === 'number') {
        return value > 1e11 && isMoment(common) ? formatMoment(value) : formatNumber(value);
    }
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/** With its unit. */
export function formatWithUnit(value, common) {
    const unit = common && common.unit;
    const text = formatValue(value, common);
    return unit && typeof value === 'number' ? `${text}\u202f${unit}` : text;
}

/** The same for lists, where a glance is enough: a number without its last digits. */
export function formatBrief(value, common) {
    const isPlain = typeof value === 'number' && !isMoment(common) && !choicesOf(common).length;
    if (!isPlain || Number.isInteger(value) || Math.abs(value) < 0.1) {
        return formatWithUnit(value, common);
    }
    const text = coarse[Math.abs(value) < 100 ? 0 : 1].format(value);
    return common && common.unit ? `${text}\u202f${common.unit}` : text;
}

/** Who wrote a state, without the part that is always the same. */
export function formatFrom(from) {
    return (from || '').replace(/^system\.adapter\./, '') || t('value.none');
}

const QUALITIES = { 0x01: 'bad', 0x02: 'connection', 0x10: 'substitute', 0x20: 'initial', 0x40: 'device', 0x80: 'sensor' };

export function formatQuality(q) {
    if (!q) {
        return t('quality.good');
    }
    const parts = Object.keys(QUALITIES).filter(bit => q & bit).map(bit => t(`quality.${QUALITIES[bit]}`));
    return `${parts.join(', ') || t('quality.bad')} (0x${q.toString(16)})`;
}
