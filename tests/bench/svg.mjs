// SPDX-License-Identifier: MIT
// A line chart as SVG: x by the logarithm, y from 0. Readable on light and dark pages.
const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 64;
const RIGHT = 20;
const TOP = 48;
const BOTTOM = 56;
const COLOURS = ['#2878bd', '#d9622b', '#3c9a5f', '#8d5fb0'];

const escape = text => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

function niceStep(most) {
    const raw = most / 5;
    const power = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 5, 10].map(factor => factor * power).find(step => step >= raw);
}

const short = value => (value >= 1000 ? `${value / 1000}k` : String(Number(value.toPrecision(3))));

// { title, x, y, series: [{ name, points: [[x, y], ...] }] }
export function chart({ title, x, y, series }) {
    const points = series.flatMap(one => one.points);
    const xs = [...new Set(points.map(([value]) => value))].sort((a, b) => a - b);
    const step = niceStep(Math.max(...points.map(([, value]) => value)) * 1.1);
    const most = Math.ceil((Math.max(...points.map(([, value]) => value)) * 1.1) / step) * step;
    const low = Math.log(xs[0]);
    const span = Math.log(xs.at(-1)) - low || 1;
    const atX = value =>
        (LEFT + ((Math.log(value) - low) / span) * (WIDTH - LEFT - RIGHT)).toFixed(1);
    const atY = value => (HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
    const out = [];
    const text = (left, top, anchor, content, more = '') =>
        out.push(`<text x="${left}" y="${top}" text-anchor="${anchor}"${more}>${escape(content)}</text>`);
    text(LEFT, 20, 'start', title, ' font-size="15"');
    for (let value = 0; value <= most + step / 2; value += step) {
        const top = atY(value);
        out.push(`<path d="M${LEFT} ${top}H${WIDTH - RIGHT}" stroke="#888" stroke-opacity=".3"/>`);
        text(LEFT - 8, Number(top) + 4, 'end', short(value));
    }
    for (const value of xs) {
        text(atX(value), HEIGHT - BOTTOM + 18, 'middle', short(value));
    }
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, 'middle', x);
    const middle = (TOP + HEIGHT - BOTTOM) / 2;
    text(16, middle, 'middle', y, ` transform="rotate(-90 16 ${middle})"`);
    series.forEach(({ name, points: own }, n) => {
        const colour = COLOURS[n % COLOURS.length];
        const path = own.map(([px, py]) => `${atX(px)} ${atY(py)}`).join('L');
        out.push(`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
        for (const [px, py] of own) {
            out.push(`<circle cx="${atX(px)}" cy="${atY(py)}" r="3.5" fill="${colour}" stroke="none"/>`);
        }
        text(LEFT + n * 190, 38, 'start', `● ${name}`, ` style="fill:${colour}"`);
    });
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" fill="#777">
${out.join('\n')}
</svg>
`;
}
