/* SPDX-License-Identifier: MIT */
/* Messages to instances: who is hue.0, and how a sendTo reaches it.
 *
 * An instance is an actor of ours (history.0, and hosts where there is a host actor), or a client
 * of a gateway that has registered as one. Such a client gets each message as an event and answers
 * it by a call; who sent it waits until then, until the deadline, or until the instance is gone.
 * Nobody there: an error at once.
 *
 * Calls of clients, which gateways pass on (their arguments, and call-backs):
 *   sendTo            instance, command, message          (result)
 *       without a number ("hue") to all instances of the adapter; nobody answers that
 *       'im', {m: type, s: sid, d: data, f?: name} of an instance to socketio.0: becomes the event
 *       `im` of the client sid, if it has subscribed
 *   sendToHost        host, command, message              (result)
 *   clientSubscribe   instance, type, data                (null, reply of the instance)
 *   clientUnsubscribe instance, type                      (null, whether it was subscribed)
 *   iobusRegister     name, token?    the client is this instance now   (null, {instance, token})
 *   iobusUnregister   name                                (null, whether it was)
 *   iobusReply        id, result      answers a message   (null, whether somebody still waited)
 * Events for clients:
 *   message      {command, message, from, to, user, callback?: {id, ack: false, time}}, for an
 * instance. Commands of ours: clientSubscribe {type, sid, data}, answered by {accepted, error?};
 *                clientUnsubscribe {type: [types], sid, reason: 'client'|'disconnect'};
 *                clientSubscribeError {type, sid, reason}
 *   im           type, "system.adapter.hue.0", data: of an instance, for a client that listens to
 * it instanceGone "system.adapter.hue.0", [types]: for who listened to it; the subscription has
 * ended instanceLost name, reason: for who was it
 *
 * Requests of gateways (client ids are "peer/number"; what a client calls carries its id as
 * caller): messages.hello      [[names], [[client, [[name, token]...], [[instance, type]...]]...]]
 *                       -> [nil, [names that others are]]: all that it knows; replaces what was
 * known messages.here       [] -> [nil, whether the actor knows that]; after silence all of it is
 * gone messages.bye        [] -> [nil]: the gateway ends messages.register   [name, token] ->
 * [nil], as the calling client; rights were checked before messages.unregister [name] -> [nil,
 * bool] messages.left       [client] -> [nil] messages.presence   [[name, count, text, uptime s,
 * in, out, memory MB]...] -> [nil] Events for gateways: clientEvent [client, event, arguments...].
 *
 * Everything is in memory: gateways tell it again to a new actor, and open calls fail with the old
 * one. Thread contract: the actor's own thread. */
#ifndef IOBUS_ACTORS_MESSAGES_H
#define IOBUS_ACTORS_MESSAGES_H

#include "bus/env.h"

extern const actor_t messages_actor;

#endif
