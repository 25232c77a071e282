// SPDX-License-Identifier: MIT
// A program that is an instance ('mydevice.0'): it gets the messages that others send to it, and answers them.

function textOf(error) {
    return error && error.message ? error.message : String(error);
}

export class Instance {
    /** Use bus.instance(). */
    constructor(bus, name, handlers) {
        this.bus = bus;
        this.name = name.replace(/^system\.adapter\./, '');
        this.handlers = handlers;
        this.token = undefined; // proves to the server that it is the same program when the connection is made again
        this.web = 'socketio.0'; // by which clients came
        this.stopped = false;
        this.ends = [bus.on('connect', () => this.register()), bus.on('message', message => this.take(message)),
            bus.on('instanceLost', (lost, reason) => this.lose(lost, reason))];
        /** Fulfilled when it is registered for the first time; rejected with the server's reason. */
        this.ready = bus.connected ? this.register() : bus.ready.then(() => this.registering);
        this.ready.catch(() => {}); // of interest only to those who wait
    }

    register() {
        this.registering = this.bus.call('iobusRegister', this.name, this.token)
            .then(({ token }) => (this.token = token));
        this.registering.catch(error => this.bus.report(error));
        return this.registering;
    }

    lose(name, reason) {
        if (name === this.name && !this.stopped) {
            this.bus.report(Object.assign(new Error(`${name}: ${reason}`), { code: 'lost', command: 'instance', reason }));
        }
    }

    async take(message) {
        if (message.to !== this.name) {
            return;
        }
        if (message.command === 'clientSubscribe') {
            this.web = message.from;
        }
        const result = await this.handle(message);
        if (message.callback && this.bus.connected && !this.stopped) {
            this.bus.call('iobusReply', message.callback.id, result === undefined ? null : result)
                .catch(error => this.bus.report(error));
        }
    }

    async handle(message) {
        const { handlers } = this;
        const own = Object.prototype.hasOwnProperty.call(handlers, message.command);
        const handler = own ? handlers[message.command] : handlers['*'];
        try {
            return handler ? await handler(message.message, message) : { error: `Unknown command: ${message.command}` };
        } catch (error) {
            return { error: textOf(error) };
        }
    }

    /** To a client that has subscribed here.
     * @param {string} sid of its clientSubscribe @param {string} type @param {*} data
     * @returns {Promise<boolean>} whether it still listens */
    push(sid, type, data) {
        return this.bus.call('sendTo', this.web, 'im', { m: type, s: sid, d: data, f: this.name });
    }

    /** @returns {Promise<boolean>} */
    stop() {
        this.stopped = true;
        this.ends.forEach(end => end());
        return this.bus.connected ? this.bus.call('iobusUnregister', this.name) : Promise.resolve(false);
    }
}
