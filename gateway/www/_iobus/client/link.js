// SPDX-License-Identifier: MIT
// Part of iobus.js: a connection that comes back. It knows the dialect's greeting and pings, nothing of its commands.

export const MESSAGE = 0, CALL = 3;
const PING = 1;
const PING_TEXT = '[1]', PONG_TEXT = '[2]';

const WAKE_PONG_MS = 3000; // after sleep a dead connection should not look alive for long
const STABLE_MS = 5000; // a connection that lasted so long ends the series of failures
const YOUNG_MS = 2000; // an attempt that began so recently is left alone

function noop() {}

// What may bring a lost connection back, or end one without saying so: a page that is shown again, a network that comes or goes.
function onWake(fn) {
    const page = typeof document === 'undefined' ? null : document;
    const scope = typeof self === 'undefined' || !self.addEventListener ? null : self;
    const shown = () => page.visibilityState !== 'hidden' && fn();
    const scopeEvents = ['online', 'offline', 'pageshow'];
    if (scope) {
        scopeEvents.forEach(name => scope.addEventListener(name, fn));
    }
    if (page) {
        page.addEventListener('visibilitychange', shown);
    }
    return () => {
        if (scope) {
            scopeEvents.forEach(name => scope.removeEventListener(name, fn));
        }
        if (page) {
            page.removeEventListener('visibilitychange', shown);
        }
    };
}

// One WebSocket after the other. Tells its owner: ready(), message(message), lost(), refused(), failed(error).
export class Link {
    constructor(address, options, owner) {
        this.address = address; // gives the URL of the next attempt, or a promise of it
        this.options = options;
        this.owner = owner;
        this.socket = null;
        this.attempt = 0; // number of the present one: late results of others do not count
        this.failures = 0;
        this.ready = false;
        this.stopped = true;
        this.began = 0; // ms, of the present attempt
        this.heard = 0; // ms, when something came last
        this.pinged = 0; // ms, when a ping went out that is unanswered
        this.timer = null; // of the next attempt, of the attempt under way, or of the look for silence
        this.unwake = onWake(() => this.wake());
    }

    open() {
        clearTimeout(this.timer);
        this.stopped = false;
        this.began = Date.now();
        const attempt = ++this.attempt;
        this.timer = setTimeout(() => this.drop(), this.options.connectTimeout);
        Promise.resolve().then(this.address).then(url => {
            if (attempt === this.attempt && !this.stopped) {
                this.attach(new this.options.WebSocket(url));
            }
        }).catch(error => {
            if (attempt === this.attempt) {
                this.owner.failed(error);
                this.drop();
            }
        });
    }

    attach(socket) {
        this.socket = socket;
        socket.onmessage = event => this.receive(event.data);
        socket.onerror = noop; // a close follows
        socket.onclose = () => this.drop();
    }

    receive(text) {
        let message;
        this.heard = Date.now();
        this.pinged = 0;
        try {
            message = JSON.parse(text);
        } catch (e) {
            return;
        }
        if (!Array.isArray(message)) {
            return;
        }
        if (message[0] === PING) {
            this.send(PONG_TEXT);
        } else if (!this.ready && message[0] === MESSAGE && message[2] === '___ready___') {
            this.greeted();
        } else if (!this.ready && message[0] === MESSAGE && message[2] === 'reauthenticate') {
            this.stop();
            this.owner.refused();
        } else {
            this.owner.message(message);
        }
    }

    greeted() {
        this.ready = true;
        this.since = this.heard;
        clearTimeout(this.timer);
        this.look();
        this.owner.ready();
    }

    // Asks a silent server whether it lives. Timers of hidden pages come late, so only an unanswered ping counts.
    look(deadline) {
        const now = Date.now(), { pingInterval, pongTimeout } = this.options;
        if (this.pinged && now >= this.pongUntil) {
            this.drop();
            return;
        }
        if (!this.pinged && (deadline || now - this.heard >= pingInterval)) {
            this.pinged = now;
            this.pongUntil = now + (deadline || pongTimeout);
            this.send(PING_TEXT);
        }
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.look(), this.pinged ? this.pongUntil - now : pingInterval);
    }

    wake() {
        if (this.stopped) {
            return;
        }
        if (this.ready) {
            this.look(WAKE_PONG_MS);
        } else if (!this.socket || Date.now() - this.began > YOUNG_MS) {
            this.failures = 0;
            this.detach();
            this.open();
        }
    }

    send(text) {
        if (this.socket && this.socket.readyState === 1) {
            this.socket.send(text);
        }
    }

    // Leaves the socket alone from now on: closing one whose peer is gone can take minutes.
    detach() {
        const socket = this.socket;
        this.socket = null;
        this.attempt++;
        clearTimeout(this.timer);
        if (socket) {
            socket.onmessage = socket.onclose = noop;
            socket.close();
        }
    }

    drop() {
        const was = this.ready;
        this.detach();
        this.ready = false;
        this.failures = was && Date.now() - this.since > STABLE_MS ? 0 : this.failures + 1;
        if (!this.stopped) {
            this.timer = setTimeout(() => this.open(), this.pause());
        }
        if (was) {
            this.owner.lost();
        }
    }

    // Doubles with each failure; spread, so that not all pages of a house come back at the same moment.
    pause() {
        const { retryMin, retryMax } = this.options;
        return Math.min(retryMax, retryMin * Math.pow(2, Math.min(this.failures, 20))) * (0.5 + Math.random() / 2);
    }

    stop() {
        this.stopped = true;
        this.drop();
    }

    close() {
        this.unwake();
        this.stop();
    }
}
