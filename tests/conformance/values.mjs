// SPDX-License-Identifier: MIT
// The values of vectors: filling in placeholders before a step, shortening an answer after it.
const sizeOf = value => (Array.isArray(value) ? value : Object.keys(value)).length;

// {"<name>": x} in arguments stands for a value that would be long to write down.
const GENERATORS = {
    '<repeat>': ([text, times]) => text.repeat(times),
    '<concat>': parts => parts.join(''),
    '<list>': ([prefix, count]) => Array.from({ length: count }, (_, i) => `${prefix}${i}`),
    '<bin>': base64 => Buffer.from(base64, 'base64'),
    '<fill>': ([byte, count]) => Buffer.alloc(count, byte),
};

function placeholder(name, vars) {
    const time = /^now([+-]\d+)?$/.exec(name);
    if (time) {
        return Date.now() + Number(time[1] ?? 0);
    }
    // An unknown name stays as it is: the mismatch then shows it.
    return vars[name] ?? `{{${name}}}`;
}

function fillText(text, vars) {
    const whole = /^\{\{([^{}]+)\}\}$/.exec(text);
    if (whole) {
        return placeholder(whole[1], vars);
    }
    return text.replace(/\{\{([^{}]+)\}\}/g, (_, name) => placeholder(name, vars));
}

// Replaces {{name}} everywhere in `value`, keys included.
export function fill(value, vars) {
    if (typeof value === 'string') {
        return fillText(value, vars);
    }
    if (Array.isArray(value)) {
        return value.map(element => fill(element, vars));
    }
    if (value === null || typeof value !== 'object') {
        return value;
    }
    return Object.fromEntries(Object.entries(value)
        .map(([key, inner]) => [String(fillText(key, vars)), fill(inner, vars)]));
}

// What is to be sent: placeholders filled in and generators run.
export function expand(value, vars) {
    if (Array.isArray(value)) {
        return value.map(element => expand(element, vars));
    }
    if (value === null || typeof value !== 'object') {
        return typeof value === 'string' ? fillText(value, vars) : value;
    }
    const keys = Object.keys(value);
    if (keys.length === 1 && GENERATORS[keys[0]]) {
        return GENERATORS[keys[0]](expand(value[keys[0]], vars));
    }
    return Object.fromEntries(Object.entries(value)
        .map(([key, inner]) => [String(fillText(key, vars)), expand(inner, vars)]));
}

// The value at `path`, or undefined where the path ends early.
export function at(value, path) {
    return path.reduce((inner, key) => inner?.[key], value);
}

const isMap = value => value !== null && typeof value === 'object' && !Array.isArray(value);
const text = value => (typeof value === 'string' ? value : JSON.stringify(value) ?? '');
const typeOf = value => (Array.isArray(value) ? 'array' : typeof value);
const compare = (a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0);
const mapValues = (value, change) => Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, change(inner)]));

// Each gets the value and the operation. A value of another kind than the operation is for stays
// as it is: an answer such as "permissionError" must remain visible.
const REDUCTIONS = {
    keys: value => (isMap(value) ? Object.keys(value).sort() : value),
    filterKeys: (value, { re }) => (isMap(value)
        ? Object.fromEntries(Object.entries(value).filter(([key]) => new RegExp(re).test(key)))
        : value),
    filter: (value, { key, re }) => (Array.isArray(value)
        ? value.filter(element => new RegExp(re).test(text(at(element, key))))
        : value),
    map: (value, { key }) => (Array.isArray(value)
        ? value.map(element => at(element, key) ?? null)
        : value),
    mapValues: (value, { key }) => (isMap(value)
        ? mapValues(value, inner => at(inner, key) ?? null)
        : value),
    pick: (value, { keys }) => (isMap(value)
        ? Object.fromEntries(keys.filter(key => key in value).map(key => [key, value[key]]))
        : value),
    has: (value, { keys }) => (isMap(value) ? keys.map(key => key in value) : value),
    count: value => (typeof value === 'object' ? sizeOf(value) : value),
    type: value => typeOf(value),
    first: (value, { n }) => (Array.isArray(value) ? value.slice(0, n) : value),
    sort: value => (Array.isArray(value) ? [...value].sort(compare) : value),
};

function reduceAt(value, path, change) {
    if (value === null || value === undefined) {
        return value;
    }
    if (path.length === 0) {
        return change(value);
    }
    const [key, ...rest] = path;
    if (typeof value !== 'object' || !(key in value)) {
        return value;
    }
    const copy = Array.isArray(value) ? [...value] : { ...value };
    copy[key] = reduceAt(value[key], rest, change);
    return copy;
}

// Applies the operations of a step's `reduce`, one after the other.
export function reduce(value, operations = []) {
    return operations.reduce((result, operation) => {
        const change = REDUCTIONS[operation.do];
        if (!change) {
            throw new Error(`unknown reduction "${operation.do}"`);
        }
        return reduceAt(result, operation.at, inner => change(inner, operation));
    }, value);
}
