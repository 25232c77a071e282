// SPDX-License-Identifier: MIT
// Compares what came with what a vector expects. The result is null, or the first difference as
// {path, expected, got}.
import crypto from 'node:crypto';

const TOLERANCE = 1e-9;
const CLOCK_SLACK_MS = 5000;

const isNumber = value => typeof value === 'number';
const isText = value => typeof value === 'string';
const isObject = value => value !== null && typeof value === 'object' && !Array.isArray(value)
    && !Buffer.isBuffer(value);
const fits = re => value => isText(value) && re.test(value);
const isFilled = value => (isText(value) ? value !== ''
    : value !== null && typeof value === 'object' && Object.keys(value).length > 0);

// The texts that stand for a kind of value. They get the value and {startedAt}.
const KINDS = {
    '<any>': () => true,
    '<number>': isNumber,
    '<string>': isText,
    '<boolean>': value => typeof value === 'boolean',
    '<object>': isObject,
    '<array>': Array.isArray,
    '<truthy>': Boolean,
    '<now>': (value, { startedAt }) => isNumber(value)
        && value >= startedAt - CLOCK_SLACK_MS && value <= Date.now() + CLOCK_SLACK_MS,
    '<self>': fits(/^system\.adapter\.[a-z][a-z0-9_-]*\.\d+$/),
    '<adapter>': fits(/^[a-z][a-z0-9_-]*$/),
    '<version>': fits(/^\d+\.\d+\.\d+/),
    '<sid>': fits(/^[\w-]{8,}$/),
    '<token>': value => isText(value) && value.length >= 20,
    '<hash>': fits(/^pbkdf2\$\d+\$/),
    '<error>': isFilled,
};

const sha256 = bytes => crypto.createHash('sha256').update(bytes).digest('hex');

// Bytes are expected as base64, or as {size, sha256} when they are many.
function sameBytes(wanted, bytes) {
    return isText(wanted) ? bytes.equals(Buffer.from(wanted, 'base64'))
        : bytes.length === wanted.size && sha256(bytes) === wanted.sha256;
}

// The objects with one special key. They return whether the value fits.
const FORMS = {
    '<oneof>': (wanted, got, context) => wanted.some(one => !mismatch(one, got, context)),
    '<bin>': (wanted, got) => Buffer.isBuffer(got) && sameBytes(wanted, got),
    '<jsonbin>': (wanted, got) => got?.type === 'Buffer' && Array.isArray(got.data)
        && sameBytes(wanted, Buffer.from(got.data)),
    '<text>': (wanted, got) => isText(got) && got.length === wanted.length
        && sha256(Buffer.from(got)) === wanted.sha256,
    '<lit>': (wanted, got) => wanted === got,
};

// Computed values may differ in their last digits; times and counts may not.
function sameNumber(a, b) {
    if (a === b || (Number.isInteger(a) && Number.isInteger(b))) {
        return a === b;
    }
    return Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
}

// Can every expected element get an element of its own? Tried with backtracking, because an
// element may fit several matchers; the lists are short.
function assignable(expected, got, context) {
    if (expected.length === 0) {
        return true;
    }
    const [first, ...rest] = expected;
    return got.some((value, i) => !mismatch(first, value, context)
        && assignable(rest, got.filter((_, j) => j !== i), context));
}

function compareArrays(expected, got, context, path) {
    const difference = { path, expected, got };
    if (!Array.isArray(got)) {
        return difference;
    }
    if (expected[0] === '<unordered>' || expected[0] === '<includes>') {
        const wanted = expected.slice(1);
        const countFits = expected[0] === '<includes>' || wanted.length === got.length;
        return countFits && assignable(wanted, got, context) ? null : difference;
    }
    if (expected.length !== got.length) {
        return difference;
    }
    // The original gives rows in the order in which its objects were made. The backup is sorted by id and
    // does not hold that order, so no server can have it after an import.
    if (path.endsWith('.rows') && !context.recordedOrder) {
        return assignable(expected, got, context) ? null : difference;
    }
    for (const [i, element] of expected.entries()) {
        const found = mismatch(element, got[i], context, `${path}[${i}]`);
        if (found) {
            return found;
        }
    }
    return null;
}

function compareObjects(expected, got, context, path) {
    if (!isObject(got)) {
        return { path, expected, got };
    }
    const { '<more>': more, ...wanted } = expected;
    for (const [key, value] of Object.entries(wanted)) {
        const found = mismatch(value, got[key], context, `${path}.${key}`);
        if (found) {
            return found;
        }
    }
    const surplus = more ? undefined : Object.keys(got).find(key => !(key in wanted));
    return surplus === undefined ? null
        : { path: `${path}.${surplus}`, expected: undefined, got: got[surplus] };
}

function compareText(expected, got, context, path) {
    const kind = KINDS[expected];
    const pattern = /^<re:(.*)>$/s.exec(expected);
    const same = kind ? kind(got, context)
        : pattern ? isText(got) && new RegExp(pattern[1]).test(got)
            : expected === got;
    return same ? null : { path, expected, got };
}

export function mismatch(expected, got, context, path = '') {
    if (isText(expected)) {
        return compareText(expected, got, context, path);
    }
    if (Array.isArray(expected)) {
        return compareArrays(expected, got, context, path);
    }
    if (isObject(expected)) {
        const form = Object.keys(expected).find(key => FORMS[key]);
        if (!form) {
            return compareObjects(expected, got, context, path);
        }
        return FORMS[form](expected[form], got, context) ? null : { path, expected, got };
    }
    const same = isNumber(expected) && isNumber(got) ? sameNumber(expected, got)
        : expected === got;
    return same ? null : { path, expected, got };
}

function withoutTail(list) {
    const isNothing = value => value === null || value === undefined;
    return list.slice(0, list.findLastIndex(value => !isNothing(value)) + 1);
}

// The arguments of a call-back; nulls at their end do not count.
export function ackMismatch(expected, got, context, path = '.ack') {
    if (expected?.['<oneof>']) {
        const fit = expected['<oneof>'].some(one => !ackMismatch(one, got, context, path));
        return fit ? null : { path, expected, got };
    }
    const wanted = withoutTail(expected);
    const answer = withoutTail(got);
    while (answer.length < wanted.length) {
        answer.push(null);
    }
    return mismatch(wanted, answer, context, path);
}
