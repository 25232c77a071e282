// SPDX-License-Identifier: MIT
// The first page: what this is, how it lives, and how to use it. The stops of the line are states; a change runs along it.
import { $, copy, fill, flash, h, perFrame, say } from '../ui/dom.js';
import { notice } from '../ui/dialogs.js';
import { formatAgo, formatNumber, formatRate, formatSpan, formatBrief } from '../ui/format.js';
import { icon } from '../ui/icons.js';
import { nameOf, t } from '../ui/i18n.js';
import { Names } from '../ui/names.js';
import { bus, connected } from '../ui/page.js';

const STOPS = 6;
const STOP_QUIET_MS = 60 * 1000; // a stop that rested so long gives its place to another state
const LATEST = 8;
const RUN_MS = 900, RUNNERS_MAX = 16;
const STATUS_MS = 5000;
const WINDOW_S = 10; // of the rate

const calm = window.matchMedia('(prefers-reduced-motion: reduce)');

// --- names and units of states

const names = new Names(bus, () => draw());
const commonOf = id => names.of(id);

function labelOf(id) {
    return nameOf(commonOf(id).name) || id.slice(id.lastIndexOf('.') + 1);
}

// --- the line

const stops = Array.from({ length: STOPS }, (_, i) => {
    const value = h('span', { class: 'stop-value number' }), name = h('span', { class: 'stop-name' });
    const dot = h('span', { class: 'stop-dot' });
    const element = h('a', { class: `route-stop stop-${i}` }, value, dot, name); // without an address nothing to go to
    return { id: null, at: 0, state: null, value, name, dot, element };
});
const track = h('div', { class: 'route-track' });
let runners = 0;

function isOfHouse(id) {
    return !/^system\.|\.info\./.test(id);
}

function stopFor(id) {
    const now = Date.now();
    return stops.find(stop => stop.id === id) || (isOfHouse(id)
        ? stops.find(stop => !stop.id) || stops.find(stop => now - stop.at > STOP_QUIET_MS) : null) || null;
}

function run(stop) {
    if (calm.matches || runners >= RUNNERS_MAX || document.hidden || !track.animate) {
        return;
    }
    const from = stop.element.offsetLeft + stop.element.offsetWidth / 2, to = track.clientWidth - 14;
    const runner = h('i', { class: 'runner' });
    track.appendChild(runner);
    runners++;
    const moving = runner.animate([{ transform: `translateX(${from}px)` }, { transform: `translateX(${to}px)` }],
        { duration: RUN_MS * (0.35 + 0.65 * Math.max(0, to - from) / Math.max(1, to)), easing: 'cubic-bezier(.4, 0, .7, 1)' });
    moving.onfinish = moving.oncancel = () => {
        runners--;
        runner.remove();
        flash(terminus);
    };
}

const terminus = h('span', { class: 'terminus' }, t('start.here'));

function makeRoute() {
    fill($('route'), track, h('div', { class: 'route-stops' }, stops.map(stop => stop.element)), terminus);
    $('route').removeAttribute('role');
}

// --- what changed last

const latest = new Map(); // id -> state, the newest last
const rows = Array.from({ length: LATEST }, () => {
    const link = h('a'), value = h('span', { class: 'latest-value number' }), ago = h('span', { class: 'soft small latest-ago' });
    return { element: h('li', { hidden: true }, link, ago, value), link, value, ago, shown: '' };
});

function stateUrl(id) {
    return `explorer.html#/states/${encodeURIComponent(id)}`;
}

const draw = perFrame(() => {
    stops.forEach(stop => {
        if (stop.id) {
            stop.element.href = stateUrl(stop.id);
            say(stop.value, stop.state ? formatBrief(stop.state.val, commonOf(stop.id)) : '–');
            say(stop.name, labelOf(stop.id));
        }
    });
    const newest = [...latest].reverse().slice(0, LATEST);
    $('latest-empty').hidden = newest.length > 0;
    rows.forEach((row, i) => {
        row.element.hidden = !newest[i];
        if (newest[i]) {
            const [id, state] = newest[i];
            row.link.href = stateUrl(id);
            const label = labelOf(id);
            if (row.shown !== id + label) {
                row.shown = id + label;
                fill(row.link, h('span', null, label), h('span', { class: 'id soft' }, id));
            }
            say(row.value, state ? formatBrief(state.val, commonOf(id)) : t('state.gone'));
            say(row.ago, formatAgo(state ? state.ts : 0));
        }
    });
});

let inSecond = 0;
const seconds = [];

function take(id, state) {
    inSecond++;
    latest.delete(id);
    latest.set(id, state);
    if (latest.size > LATEST * 4) {
        latest.delete(latest.keys().next().value);
    }
    const stop = stopFor(id);
    if (stop) {
        Object.assign(stop, { id, state, at: Date.now() });
        draw();
        flash(stop.value);
        flash(stop.dot);
        requestAnimationFrame(() => run(stop));
    }
    exampleFrom(id);
    draw();
}

// --- figures

const figures = new Map();

function figure(key, text) {
    let element = figures.get(key);
    if (!element) {
        element = h('dd', { class: 'number' });
        figures.set(key, element);
        $('figures').appendChild(h('div', null, h('dt', null, t(`start.${key}`)), element));
    }
    say(element, text);
}

async function readStatus() {
    if (bus.connected) {
        const before = performance.now();
        const version = await bus.getVersion().catch(() => null);
        if (version) {
            figure('delay', `${formatRate(performance.now() - before)} ms`);
        }
        const status = await bus.call('iobusStatus').catch(() => null);
        if (status) {
            const { transports = {} } = status.gateway || {};
            figure('clients', formatNumber(Object.keys(transports).reduce((sum, name) => sum + transports[name], 0)));
            figure('uptime', formatSpan(status.uptime));
            figure('version', status.version);
        } else if (version) {
            figure('version', version.version);
        }
    }
    setTimeout(readStatus, STATUS_MS);
}

function tick() {
    seconds.push(inSecond);
    inSecond = 0;
    if (seconds.length > WINDOW_S) {
        seconds.shift();
    }
    figure('rate', formatRate(seconds.reduce((a, b) => a + b, 0) / seconds.length));
    draw();
}

// --- how to use it

let example = 'demo.house.lamp.level', fixed = false;

const base = bus.url.replace(/\/$/, '');
const HOW = [
    ['web', () => `<script type="module">
import { connect } from '${base}/iobus.js';

const bus = connect();
bus.subscribe('${example}', (id, state) => {
    document.body.textContent = state.val;
}, { current: true });

// bus.setState('${example}', 42);
</script>`],
    ['curl', () => `curl ${base}/api/state/${example}
curl -X PUT ${base}/api/state/${example} -d 42
curl -N '${base}/api/events?pattern=${example.split('.')[0]}.*'
curl -T picture.png ${base}/0_userdata.0/picture.png`],
    ['node', () => `// npm install socket.io-client
import { io } from 'socket.io-client';

const socket = io('${bus.base.origin}'${bus.base.pathname === '/' ? '' : `, { path: '${bus.base.pathname}socket.io' }`});
socket.on('connect', () => socket.emit('subscribe', '${example}'));
socket.on('stateChange', (id, state) => console.log(id, state && state.val));`],
    ['iobroker', () => `<script src="${base}/socket.io/socket.io.js"></script>
<script src="${base}/conn.js"></script>
<script>
servConn.init({ name: 'my.page', connLink: '${base}' }, {
    onConnChange: connected => console.log('connected', connected),
    onUpdate: (id, state) => setTimeout(() => console.log(id, state.val), 0),
});
</script>`],
];
let how = HOW[0][0];

// Once: a text that changes while somebody reads it helps nobody.
function exampleFrom(id) {
    if (!fixed && isOfHouse(id)) {
        fixed = true;
        example = id;
        drawHow();
    }
}

function drawHow() {
    fill($('how-tabs'), HOW.map(([name]) => h('button', {
        type: 'button', 'aria-pressed': name === how, onclick: event => {
            how = name;
            drawHow();
            $('how-tabs').querySelector('[aria-pressed=true]').focus();
            event.preventDefault();
        },
    }, t(`how.${name}`))));
    const code = HOW.find(([name]) => name === how)[1]();
    fill($('how'), h('div', { class: 'code' }, h('pre', { tabindex: '0', 'aria-label': t(`how.${how}`) }, h('code', null, code)),
        h('button', {
            class: 'button square', type: 'button', 'aria-label': t('action.copy'), title: t('action.copy'),
            onclick: async () => await copy(code) && notice(t('action.copied')),
        }, icon('copy'))), h('p', { class: 'soft small' }, t(`how.${how}Text`)));
}

function begin() {
    say($('title'), t('start.title', location.host));
    makeRoute();
    rows.forEach(row => $('latest').appendChild(row.element));
    drawHow();
    tick();
    setInterval(tick, 1000);
    bus.subscribe('*', take, { resume: false });
    connected.then(readStatus);
}

begin();
