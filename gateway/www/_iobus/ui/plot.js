// SPDX-License-Identifier: MIT
// Values over time: lines or steps, moved and scaled by pointer, wheel, fingers or keys.
import { colours, fontOf, prepareCanvas } from './canvas.js';
import { timeTicks, valueScale } from './scale.js';

const LEFT = 52, RIGHT = 10, TOP = 12, BOTTOM = 24;
const MIN_SPAN = 10 * 1000, MAX_SPAN = 10 * 365 * 86400 * 1000;
const ZOOM_KEY = 1.5, MOVE_KEY = 0.2;
const DOTS_MAX = 80; // with fewer points each is shown as one

export class Plot {
    /** @param {HTMLCanvasElement} canvas
     * @param {{onrange: (start: number, end: number) => void, onpoint: (point: Object|null, x: number) => void}} options */
    constructor(canvas, options) {
        Object.assign(this, { canvas, onrange: options.onrange, onpoint: options.onpoint });
        this.points = []; // {ts, val}; val null: nothing is known from here on
        this.steps = false;
        this.start = 0;
        this.end = 1;
        this.hover = null; // x
        this.pointers = new Map(); // id -> x
        this.draw = prepareCanvas(canvas, (context, width, height) => this.paint(context, width, height));
        canvas.addEventListener('wheel', event => this.onWheel(event), { passive: false });
        canvas.addEventListener('keydown', event => this.onKey(event));
        canvas.addEventListener('pointerdown', event => this.onDown(event));
        canvas.addEventListener('pointermove', event => this.onMove(event));
        ['pointerup', 'pointercancel', 'pointerleave'].forEach(name => canvas.addEventListener(name, event => this.onUp(event)));
    }

    setPoints(points, steps) {
        this.points = points;
        this.steps = steps;
        this.draw();
    }

    setRange(start, end) {
        this.start = start;
        this.end = end;
        this.draw();
    }

    // --- moving

    change(start, end) {
        const span = Math.min(Math.max(end - start, MIN_SPAN), MAX_SPAN);
        const middle = (start + end) / 2;
        this.start = span === end - start ? start : middle - span / 2;
        this.end = this.start + span;
        this.draw();
        this.onrange(this.start, this.end);
    }

    zoom(factor, x) {
        const at = x === undefined ? (this.start + this.end) / 2 : this.timeAt(x);
        this.change(at - (at - this.start) * factor, at + (this.end - at) * factor);
    }

    move(part) {
        const by = (this.end - this.start) * part;
        this.change(this.start + by, this.end + by);
    }

    get inner() {
        return Math.max(1, this.canvas.clientWidth - LEFT - RIGHT);
    }

    timeAt(x) {
        return this.start + (x - LEFT) / this.inner * (this.end - this.start);
    }

    xOf(ts) {
        return LEFT + (ts - this.start) / (this.end - this.start) * this.inner;
    }

    onWheel(event) {
        event.preventDefault();
        if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
            this.move(event.deltaX / this.inner);
        } else {
            this.zoom(Math.pow(1.0015, event.deltaY * (event.deltaMode ? 30 : 1)), event.offsetX);
        }
    }

    onKey(event) {
        const keys = {
            ArrowLeft: () => this.move(-MOVE_KEY), ArrowRight: () => this.move(MOVE_KEY),
            '+': () => this.zoom(1 / ZOOM_KEY), '-': () => this.zoom(ZOOM_KEY),
            ArrowUp: () => this.zoom(1 / ZOOM_KEY), ArrowDown: () => this.zoom(ZOOM_KEY),
        };
        if (keys[event.key] && !event.ctrlKey && !event.metaKey) {
            event.preventDefault();
            keys[event.key]();
        }
    }

    onDown(event) {
        this.pointers.set(event.pointerId, event.offsetX);
        if (this.canvas.setPointerCapture) {
            this.canvas.setPointerCapture(event.pointerId);
        }
    }

    onMove(event) {
        const before = this.pointers.get(event.pointerId);
        if (before === undefined) {
            this.setHover(event.offsetX);
            return;
        }
        const xs = [...this.pointers.values()];
        this.pointers.set(event.pointerId, event.offsetX);
        if (xs.length === 1) {
            this.move((before - event.offsetX) / this.inner);
        } else {
            const now = [...this.pointers.values()];
            const wasApart = Math.abs(xs[0] - xs[1]), isApart = Math.abs(now[0] - now[1]);
            this.zoom(Math.max(wasApart, 20) / Math.max(isApart, 20), (now[0] + now[1]) / 2);
        }
    }

    onUp(event) {
        this.pointers.delete(event.pointerId);
        if (event.type === 'pointerleave') {
            this.setHover(null);
        } else if (event.pointerType === 'touch') {
            this.setHover(event.offsetX);
        }
    }

    setHover(x) {
        this.hover = x;
        this.draw();
        const point = x === null ? null : this.nearest(this.timeAt(x));
        this.onpoint(point, point ? this.xOf(point.ts) : 0);
    }

    // The point at or, for steps, before a time.
    nearest(ts) {
        let low = 0, high = this.points.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.points[middle].ts <= ts) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        const before = this.points[low - 1], after = this.points[low];
        const point = !before || after && !this.steps && after.ts - ts < ts - before.ts ? after : before;
        return point && point.val !== null && point.ts >= this.start && point.ts <= this.end ? point : null;
    }

    // --- drawing

    bounds() {
        let min = Infinity, max = -Infinity, before = null;
        this.points.forEach(({ ts, val }) => {
            if (val === null || ts > this.end) {
                return;
            }
            if (ts < this.start) {
                before = val; // a line comes from there
                return;
            }
            min = Math.min(min, val);
            max = Math.max(max, val);
        });
        if (before !== null && (this.steps || min === Infinity)) {
            min = Math.min(min, before);
            max = Math.max(max, before);
        }
        return min === Infinity ? null : { min, max };
    }

    paint(context, width, height) {
        const colour = colours(['accent', 'live', 'line', 'soft', 'ink', 'edge']);
        const bounds = this.bounds();
        const scale = valueScale(bounds ? bounds.min : 0, bounds ? bounds.max : 1, Math.max(2, Math.floor((height - 40) / 44)));
        const bottom = height - BOTTOM;
        const yOf = value => bottom - (value - scale.low) / (scale.high - scale.low) * (bottom - TOP);
        this.paintLines(context, { colour, scale, yOf, width, bottom, known: !!bounds });
        if (bounds) {
            context.save();
            context.beginPath();
            context.rect(LEFT, 0, this.inner, bottom + 1);
            context.clip();
            this.paintCurve(context, colour, yOf, bottom);
            this.paintHover(context, colour, yOf, bottom);
            context.restore();
        }
    }

    paintLines(context, { colour, scale, yOf, width, bottom, known }) {
        context.font = fontOf(12);
        context.lineWidth = 1;
        context.strokeStyle = colour.line;
        context.fillStyle = colour.soft;
        context.textAlign = 'right';
        context.textBaseline = 'middle';
        scale.ticks.forEach(tick => {
            const y = Math.round(yOf(tick)) + 0.5;
            context.beginPath();
            context.moveTo(LEFT, y);
            context.lineTo(width - RIGHT, y);
            context.stroke();
            if (known) {
                context.fillText(tick.toLocaleString(document.documentElement.lang, {
                    minimumFractionDigits: Math.min(scale.digits, 6), maximumFractionDigits: Math.min(scale.digits, 6),
                }), LEFT - 8, y);
            }
        });
        context.textAlign = 'center';
        context.textBaseline = 'top';
        timeTicks(this.start, this.end, Math.max(2, Math.floor(this.inner / 90))).forEach(({ at, text }) => {
            const x = Math.round(this.xOf(at)) + 0.5;
            context.beginPath();
            context.moveTo(x, bottom);
            context.lineTo(x, bottom + 4);
            context.stroke();
            if (x > LEFT + 14 && x < width - 20) {
                context.fillText(text, x, bottom + 7);
            }
        });
    }

    // Runs of points without a hole, each as a line with a light area below it.
    paintCurve(context, colour, yOf, bottom) {
        const runs = [[]];
        this.points.forEach(point => {
            if (point.val === null) {
                runs.push([]);
            } else {
                runs[runs.length - 1].push(point);
            }
        });
        context.lineWidth = 2;
        context.lineJoin = 'round';
        context.strokeStyle = colour.accent;
        context.fillStyle = colour.accent;
        const until = Math.min(this.end, Date.now());
        runs.filter(run => run.length).forEach(run => {
            const path = this.trace(run, yOf, run === runs[runs.length - 1] ? until : null);
            context.beginPath();
            path.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
            context.stroke();
            context.lineTo(path[path.length - 1][0], bottom);
            context.lineTo(path[0][0], bottom);
            context.globalAlpha = 0.1;
            context.fill();
            context.globalAlpha = 1;
        });
        const dots = this.points.filter(({ ts, val }) => val !== null && ts >= this.start && ts <= this.end);
        if (dots.length <= DOTS_MAX && !this.steps) {
            dots.forEach(({ ts, val }) => this.dot(context, this.xOf(ts), yOf(val), 2.5));
        }
    }

    trace(run, yOf, until) {
        const path = [];
        run.forEach(({ ts, val }) => {
            if (this.steps && path.length) {
                path.push([this.xOf(ts), path[path.length - 1][1]]);
            }
            path.push([this.xOf(ts), yOf(val)]);
        });
        const last = run[run.length - 1];
        if (until !== null && until > last.ts) { // a value holds until another comes
            path.push([this.xOf(until), yOf(last.val)]);
        }
        return path;
    }

    dot(context, x, y, radius) {
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.fill();
    }

    paintHover(context, colour, yOf, bottom) {
        const point = this.hover === null ? null : this.nearest(this.timeAt(this.hover));
        if (!point) {
            return;
        }
        const x = Math.round(this.xOf(point.ts)) + 0.5;
        context.strokeStyle = colour.edge;
        context.lineWidth = 1;
        context.beginPath();
        context.moveTo(x, TOP);
        context.lineTo(x, bottom);
        context.stroke();
        context.fillStyle = colour.ink;
        this.dot(context, x, yOf(point.val), 6);
        context.fillStyle = colour.live;
        this.dot(context, x, yOf(point.val), 4);
    }
}
