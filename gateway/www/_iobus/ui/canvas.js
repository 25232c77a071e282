// SPDX-License-Identifier: MIT
// A canvas as sharp as the screen, drawn anew when its size or the theme changes.
import { perFrame } from './dom.js';

const RATIO_MAX = 2; // more costs an old tablet too much

/** @param {HTMLCanvasElement} canvas
 * @param {(context: CanvasRenderingContext2D, width: number, height: number) => void} paint in CSS pixels
 * @returns {() => void} asks for a new drawing */
export function prepareCanvas(canvas, paint) {
    const draw = perFrame(() => {
        const width = canvas.clientWidth, height = canvas.clientHeight;
        const ratio = Math.min(window.devicePixelRatio || 1, RATIO_MAX);
        if (!width || !height) {
            return; // not shown
        }
        if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
            canvas.width = Math.round(width * ratio);
            canvas.height = Math.round(height * ratio);
        }
        const context = canvas.getContext('2d');
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.clearRect(0, 0, width, height);
        paint(context, width, height);
    });
    window.addEventListener('resize', draw);
    window.addEventListener('themechange', draw);
    if (window.ResizeObserver) {
        new ResizeObserver(draw).observe(canvas);
    }
    draw();
    return draw;
}

/** Values of custom properties: colours(['ink', 'line']) -> {ink, line}. */
export function colours(names) {
    const style = getComputedStyle(document.documentElement);
    return names.reduce((found, name) => Object.assign(found, { [name]: style.getPropertyValue(`--${name}`).trim() }), {});
}

export function fontOf(size) {
    return `${size}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
}
