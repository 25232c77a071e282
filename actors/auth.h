/* SPDX-License-Identifier: MIT */
/* The auth actor: who somebody is, and what each user may do. Users and groups are followed in the
 * objects; sessions, tokens, and the secret that signs cookies live in a store of its own
 * (data/auth), tokens and session ids only as SHA-256. Password hashes are fetched when they are
 * needed and not kept; hashing is done by a pool of threads, so that the actor answers at once.
 * Thread contract: run by bus/dispatch.c in a thread of its own.
 * Sources: auth.md, commands.md 7, data-model.md 5.
 *
 * Commands "auth.*" are for the system: gateways and tools, which send no user. From any other
 * caller they are "permissionError", but auth.permissions.
 *
 * Terms. hash: 64 hexadecimal digits, the SHA-256 of a session id or token; what a gateway keeps of
 * a live socket and compares with sessionEnd. It proves nothing, so it may be logged. Times are
 * milliseconds since 1970. address: text of the client's address, "" for none: then nothing is
 * locked. user: in every form that people log in with (auth.md 6): "system.user.anna", "anna",
 * "Anna", a common.name in the system's language.
 *
 * Errors: [text, {reason, seconds}] with the status ERR_CUSTOM. text may be shown to people; reason
 * is one of
 *   credentials  no such user, wrong or empty password (indistinguishable, also by time)
 *   disabled     the password is right, the user may not log in
 *   locked       too many errors from there; seconds: how long it lasts; the password was not
 *                looked at
 *   unknown      no such session or token, or it has expired or was ended
 *   unsigned     a connect.sid that this installation has not signed
 *   exists, missing, protected, invalid   of the commands that change users and groups
 * Beside them the statuses BUSY (more log-ins than auth-queue are waiting: try again later),
 * UNAVAILABLE (users are not known yet), TIMEOUT, READ_ONLY (the disk is full: sessions cannot be
 * begun, those that exist go on) as for every command.
 *
 * LOGGING IN
 * auth.login [user, password, address, {session, stay, ttl, client}] -> [nil, {user, name, hash,
 *     session, cookie, expiresAt}]
 *     session: true begins a session: `session` is the id, `cookie` the value of connect.sid as it
 *     goes into Set-Cookie (signed, percent-encoded), expiresAt its end, hash its hash. Without it
 *     (user and password in a URL, Basic) the password is checked and only user and name (without
 *     system.user.) come back. stay: "stay logged in" (auth-stay-ttl). ttl: seconds instead of
 *     auth-ttl, 30 at least. client: text for the list of sessions, like a browser's name.
 * auth.session.check [cookie, address] -> [nil, {user, name, hash, kind, expiresAt, readOnly}]
 *     cookie: connect.sid as it was sent, percent-encoded or not: "s:<id>.<signature>". Found: the
 *     session is prolonged by its ttl.
 * auth.session.touch [hash] -> [nil, {as above}]
 *     Activity on a live socket: prolongs a session (other kinds keep their end) and tells whether
 *     it is still there. Once a minute is enough; the store is written no more often than that.
 * auth.session.end [hash, reason|nil] -> [nil, count]
 *     Log-out: the session, or all tokens of the log-in that this one belongs to. A device token is
 *     not ended by it (auth.device.revoke does).
 * auth.session.endUser [user, reason|nil] -> [nil, count]: all sessions and tokens of a user, but
 *     device tokens.
 * auth.session.list [user|nil] -> [nil, [{hash, user, kind, client, address, createdAt, seenAt,
 *     expiresAt, name, readOnly}...]], at most 1,000, newest use first.
 *
 * OAUTH2 (auth.md 4)
 * auth.token.password [user, password, address, {stay, client}] -> [nil, {access_token, token_type,
 *     expires_in, refresh_token, refresh_token_expires_in, user, hash, expiresAt}]
 *     The first five as /oauth/token answers them; hash and expiresAt of the access token.
 * auth.token.refresh [refresh_token, address] -> [nil, {as above}]
 *     A new pair; the old refresh token is used up, the old access token lives until its end.
 * auth.token.check [token, address] -> [nil, {user, name, hash, kind, expiresAt|nil, readOnly}]
 *     kind: "access" or "device". A refresh token is no access token.
 * auth.token.update [token, user] -> [nil, {as above}]
 *     For updateTokenExpiration: the same, for a token of this very user only. The gateway then
 *     keeps the new hash and sends tokenInfo {expiresAt}; on error the call-back gets ["No access
 *     token found", false], which is the text.
 * auth.token.info [hash] -> [nil, {user, name, expires, refreshExpires|nil, kind}] for /getUser.
 *
 * DEVICE TOKENS (iobus token)
 * auth.device.add [user, name, {readOnly, ttl}] -> [nil, {token, id, user, name, readOnly,
 *     expiresAt|nil}]; ttl in seconds, without it the token has no end. The token is told only now.
 * auth.device.list [user|nil] -> [nil, [{id, hash, user, name, readOnly, createdAt, seenAt|nil,
 *     address, expiresAt|nil}...]]
 * auth.device.revoke [id] -> [nil, {id, name, user}]; id as listed, or the name when only one has
 *     it.
 *     A change of the password does not end device tokens, whoever made them did not need it;
 *     disabling or deleting the user does.
 *
 * RIGHTS
 * auth.permissions [user, readOnly|nil] -> [nil, map] as getUserPermissions answers it; readOnly:
 *     without everything that changes something.
 * auth.identity [user, readOnly|nil] -> [nil, map, admin: bool, [groups]]: the same, and what
 * decides about single objects; ERR_UNAVAILABLE while the users are being read anew. auth.why
 * [user, command, id|nil] -> [nil, {user, command, id, allowed, steps: [{step, allowed,
 *     text}...]}]: what a call of a web client would be checked for, one step after the other; the
 *     first that is not allowed decides. id of a file: "vis.0/main/a.json". {unknown: true} instead
 *     of allowed in a step: that cannot be known here.
 *
 * USERS AND GROUPS
 * auth.passwd [user, password] -> [nil, id]; all its sessions and tokens end.
 * auth.user.add [name, password|nil, [groups]|nil] -> [nil, id]; without password nobody can log
 *     in as it. auth.user.del [user] -> [nil, id]; it leaves its groups. auth.user.enable [user,
 *     bool] -> [nil, id]; disabling ends everything. auth.user.list [] -> [nil, [{id, name,
 *     enabled, password: bool, groups, sessions, devices}...]]
 * auth.group.add [name, description, acl | group whose acl is copied] -> [nil, id], auth.group.del
 *     [group] -> [nil, id], auth.group.join / auth.group.leave [group, user] -> [nil, id of the
 *     group], auth.group.list [] -> [nil, [{id, name, description, members}...]]. group:
 *     "system.group.x", "x", or a common.name.
 * addUser [name, password], delUser [name], addGroup [name, description, acl], delGroup [name],
 * changePassword [user, password]: the commands of the admin adapter, with the caller's rights and
 *     their answers (commands.md 7): one argument, the error text or nil; addGroup [nil, object].
 *
 * EVENTS
 * permissionsChange [user|nil]: the rights of this user, or of anybody, may have changed.
 * sessionEnd [user, hash|nil, reason]: what was begun with this hash is over; hash nil: everything
 *     of this user, also sockets that logged in with user and password (not those of a device
 *     token, unless the reason is disabled or deleted: these are told one by one). Sockets are told
 *     `reauthenticate` and closed. reason: logout (or what auth.session.end was given), password,
 *     disabled, deleted, expired, revoked, replaced (too many: the one that was not used longest
 *     makes room). There is none for refresh tokens: no socket is opened with one. */
#ifndef IOBUS_ACTORS_AUTH_H
#define IOBUS_ACTORS_AUTH_H

#include "bus/env.h"

extern const actor_t auth_actor;

#endif
