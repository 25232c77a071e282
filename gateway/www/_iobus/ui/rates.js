// SPDX-License-Identifier: MIT
// Counts per second as bars that move to the left.
import { colours, fontOf, prepareCanvas } from './canvas.js';
import { formatRate } from './format.js';
import { roundStep } from './scale.js';

const GAP = 1;
const TOP = 16; // room for the figure of the line

export class RateChart {
    /** @param {HTMLCanvasElement} canvas @param {number} [seconds] bars */
    constructor(canvas, seconds) {
        this.seconds = seconds || 120;
        this.counts = [];
        this.draw = prepareCanvas(canvas, (context, width, height) => this.paint(context, width, height));
    }

    push(count) {
        this.counts.push(count);
        if (this.counts.length > this.seconds) {
            this.counts.shift();
        }
        this.draw();
    }

    get highest() {
        return this.counts.reduce((max, count) => Math.max(max, count), 0);
    }

    paint(context, width, height) {
        const colour = colours(['accent', 'live', 'line', 'soft']);
        const top = roundStep(Math.max(this.highest, 1));
        const scale = (height - TOP - 1) / top;
        const step = width / this.seconds;
        context.font = fontOf(12);
        context.fillStyle = colour.soft;
        context.fillText(formatRate(top), 0, 11);
        context.strokeStyle = colour.line;
        context.lineWidth = 1;
        [TOP, (TOP + height) / 2].forEach(y => {
            context.beginPath();
            context.moveTo(0, Math.round(y) + 0.5);
            context.lineTo(width, Math.round(y) + 0.5);
            context.stroke();
        });
        const offset = this.seconds - this.counts.length;
        this.counts.forEach((count, i) => {
            const size = count > 0 ? Math.max(2, count * scale) : 0;
            context.fillStyle = i === this.counts.length - 1 ? colour.live : colour.accent;
            context.fillRect((offset + i) * step, height - size, Math.max(1, step - GAP), size);
        });
        context.fillStyle = colour.line;
        context.fillRect(0, height - 1, width, 1);
    }
}
