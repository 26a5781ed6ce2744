#!/usr/bin/env node
// A reverse proxy that stands before an S3 server and breaks things on demand.
// HTTP/1.1, loopback only, Node 18.3 or later, no packages.
//
//   node faultproxy.js LISTEN_PORT UPSTREAM_PORT [--strict REGION] [--until-eof]
//
// LISTEN_PORT 0 takes a free port. The first line printed names the port. With
// --until-eof the proxy ends when its stdin does, so that it cannot outlive the
// test that started it.
//
// Path, query, Host and the order and case of the headers pass untouched, so
// that signatures stay valid. --strict enforces rules of AWS that the test
// servers leave out: the region, x-amz-content-sha256, and that Host and every
// x-amz- header are signed.
//
// Control, on the same port:
//   POST   /__fault    add a rule
//                      {"match": {"method": "GET", "path": "regex on the raw URL",
//                                 "range": true | "regex"},
//                       "skip": 0, "times": 1, "do": "reset", ...}
//                      times -1 is for ever; the first rule that matches acts
//   DELETE /__fault    forget rules and log
//   GET    /__log      requests seen, one JSON object a line
//   POST   /__release  let go the requests that "hold" holds
//
// What a rule can do:
//   reset    {after: N}          RST after N body bytes (0: after the headers,
//                                -1: before any byte of the response)
//   close    {after: N}          FIN after N body bytes, whatever Content-Length says
//   stall    {after: N, ms: M}   send nothing for M ms after N bytes (0: for ever)
//   slow     {bps: N}            pace the body to N bytes a second
//   short    {after: N}          a short body with a matching Content-Length
//   corrupt  {at: N}             flip one bit of body byte N
//   etag     {value: '"x"'}      another ETag in the response
//   noetag                       no ETag in the response
//   delay    {ms: M}             wait before asking upstream
//   hold                         wait for /__release before asking upstream
// and, without asking upstream:
//   status   {code, xml, headers}
//   slowdown {retryAfter: 1}     503 SlowDown
//   internal                     500 InternalError
//   expired                      400 ExpiredToken
//   skewed                       403 RequestTimeTooSkewed
//   badregion {region}           400 AuthorizationHeaderMalformed
//   redirect {code: 307 | 301, to, region, noLocation}
'use strict';
const http = require('http');

const [listenPort, upstreamPort] = process.argv.slice(2, 4).map(Number);
const flags = process.argv.slice(4);
const strictRegion = flags.includes('--strict') ? flags[flags.indexOf('--strict') + 1] : null;

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
let rules = [];
let log = [];
let held = [];
let connections = 0;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function errorXml(code, message, extra = '') {
    return '<?xml version="1.0" encoding="UTF-8"?>\n' +
        `<Error><Code>${code}</Code><Message>${message}</Message>${extra}` +
        '<RequestId>FAULT</RequestId></Error>';
}

function answer(res, code, body, headers = {}) {
    res.writeHead(code, {
        'Content-Type': 'application/xml',
        'Content-Length': Buffer.byteLength(body),
        ...headers,
    });
    res.end(body);
}

// Faults answered without upstream: rule, request => [status, body, headers].
const canned = {
    slowdown: (rule) => [503, errorXml('SlowDown', 'Please reduce your request rate.'),
        { 'Retry-After': String(rule.retryAfter ?? 1) }],
    internal: () => [500,
        errorXml('InternalError', 'We encountered an internal error. Please try again.')],
    expired: () => [400, errorXml('ExpiredToken', 'The provided token has expired.')],
    skewed: () => [403, errorXml('RequestTimeTooSkewed',
        'The difference between the request time and the current time is too large.')],
    badregion: (rule) => [400, errorXml('AuthorizationHeaderMalformed',
        `The authorization header is malformed; the region is wrong; expecting '${rule.region}'`,
        `<Region>${rule.region}</Region>`), { 'x-amz-bucket-region': rule.region }],
    redirect: (rule, req) => {
        const code = rule.code ?? 307;
        const headers = { 'x-amz-bucket-region': rule.region ?? 'eu-west-1' };
        if (rule.to && !rule.noLocation)
            headers.Location = rule.to + req.url;
        const endpoint = rule.to ? `<Endpoint>${rule.to.replace(/^\w+:\/\//, '')}</Endpoint>` : '';
        return [code, errorXml(code === 301 ? 'PermanentRedirect' : 'TemporaryRedirect',
            'Please re-send this request to the specified endpoint.', endpoint), headers];
    },
    status: (rule) => [rule.code, rule.xml ?? '', rule.headers ?? {}],
};

// What AWS would refuse and the test servers do not; null when it is fine.
function refuseAsAws(req) {
    const authorization = req.headers.authorization;
    if (!authorization)
        return null;
    const parts = /Credential=([^,]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request,\s*SignedHeaders=([^,]+),/
        .exec(authorization);
    if (!parts)
        return [400, errorXml('AuthorizationHeaderMalformed', 'The authorization header is malformed')];
    if (parts[3] !== strictRegion)
        return canned.badregion({ region: strictRegion });
    if (!req.headers['x-amz-content-sha256'])
        return [400, errorXml('InvalidRequest',
            'Missing required header for this request: x-amz-content-sha256')];
    const signed = new Set(parts[4].split(';'));
    const unsigned = Object.keys(req.headers)
        .filter((name) => (name === 'host' || name.startsWith('x-amz-')) && !signed.has(name));
    if (unsigned.length)
        return [403, errorXml('AccessDenied',
            'There were headers present in the request which were not signed',
            `<HeadersNotSigned>${unsigned.join(', ')}</HeadersNotSigned>`)];
    return null;
}

// The rule that acts on this request, counted down.
function takeRule(req) {
    for (const rule of rules) {
        const { method, path, range } = rule.match;
        if (method && method !== req.method)
            continue;
        if (path && !new RegExp(path).test(req.url))
            continue;
        if (range === true && !req.headers.range)
            continue;
        if (typeof range === 'string' && !new RegExp(range).test(req.headers.range ?? ''))
            continue;
        if (rule.times === 0)
            continue;
        if (rule.skip > 0) {
            rule.skip--;
            continue;
        }
        if (rule.times > 0)
            rule.times--;
        return rule;
    }
    return { do: 'pass' };
}

function release() {
    const waiting = held;
    held = [];
    waiting.forEach((go) => go());
    return waiting.length;
}

async function control(req, res) {
    let body = '';
    for await (const chunk of req)
        body += chunk;
    if (req.url === '/__log') {
        const lines = log.map((entry) => JSON.stringify(entry) + '\n').join('');
        return answer(res, 200, lines, { 'Content-Type': 'application/x-ndjson' });
    }
    if (req.url === '/__release')
        return answer(res, 200, `released ${release()}\n`);
    if (req.method === 'DELETE') {
        rules = [];
        log = [];
        release();
        return answer(res, 200, 'cleared\n');
    }
    rules.push({ skip: 0, times: 1, match: {}, ...JSON.parse(body) });
    return answer(res, 200, 'added\n');
}

function responseHeaders(rawHeaders, rule) {
    const headers = [];
    for (let i = 0; i < rawHeaders.length; i += 2) {
        const name = rawHeaders[i];
        let value = rawHeaders[i + 1];
        switch (name.toLowerCase()) {
            case 'connection':
            case 'keep-alive':
                continue;
            case 'etag':
                if (rule.do === 'noetag')
                    continue;
                if (rule.do === 'etag')
                    value = rule.value;
                break;
            case 'content-length':
                if (rule.do === 'short')
                    value = String(Math.min(rule.after, Number(value)));
                break;
        }
        headers.push(name, value);
    }
    return headers;
}

// Resolves when the chunk has left for the client, or the client has left.
function send(res, chunk) {
    return new Promise((resolve) => {
        if (chunk.length === 0 || res.destroyed)
            resolve();
        else
            res.write(chunk, resolve);
    });
}

async function sendSlowly(upstream, res, bytesPerSecond) {
    const started = Date.now();
    let sent = 0;
    for await (const chunk of upstream) {
        for (let i = 0; i < chunk.length && !res.destroyed; i += 4096) {
            const piece = chunk.subarray(i, i + 4096);
            await send(res, piece);
            sent += piece.length;
            const wait = started + sent * 1000 / bytesPerSecond - Date.now();
            if (wait > 0)
                await sleep(wait);
        }
        if (res.destroyed)
            return;
    }
    res.end();
}

async function sendCorrupted(upstream, res, at) {
    let sent = 0;
    for await (const chunk of upstream) {
        if (at >= sent && at < sent + chunk.length)
            chunk[at - sent] ^= 1;
        await send(res, chunk);
        sent += chunk.length;
    }
    res.end();
}

// Sends the first rule.after bytes of the body, then does what the rule says.
async function sendAndBreak(upstream, req, res, rule, entry) {
    let sent = 0;
    let broken = false;
    for await (let chunk of upstream) {
        if (!broken && sent + chunk.length >= rule.after) {
            broken = true;
            const keep = rule.after - sent;
            await send(res, chunk.subarray(0, keep));
            entry.cutAt = rule.after;
            switch (rule.do) {
                case 'reset':
                    await sleep(30);    // let the bytes leave before the RST
                    return req.socket.resetAndDestroy();
                case 'close':
                    return req.socket.end();
                case 'short':
                    res.end();
                    upstream.destroy();
                    return;
                case 'stall':
                    await (rule.ms ? sleep(rule.ms)
                        : new Promise((resolve) => res.on('close', resolve)));
            }
            chunk = chunk.subarray(keep);
            sent = rule.after;
        }
        if (res.destroyed)
            return;
        await send(res, chunk);
        sent += chunk.length;
    }
    if (rule.do === 'reset' && !broken)
        return req.socket.resetAndDestroy();
    res.end();
}

async function relay(upstream, req, res, rule, entry) {
    entry.status = upstream.statusCode;
    res.writeHead(upstream.statusCode, responseHeaders(upstream.rawHeaders, rule));
    res.flushHeaders();
    try {
        switch (rule.do) {
            case 'slow':
                return await sendSlowly(upstream, res, rule.bps);
            case 'corrupt':
                return await sendCorrupted(upstream, res, rule.at);
            case 'reset':
            case 'close':
            case 'stall':
            case 'short':
                return await sendAndBreak(upstream, req, res, rule, entry);
            default:
                upstream.pipe(res);
        }
    } catch (error) {
        entry.error = error.message;
        res.destroy();
    }
}

async function handle(req, res) {
    if (req.url.startsWith('/__'))
        return control(req, res);

    const entry = {
        t: Date.now(),
        conn: req.socket.number,
        method: req.method,
        url: req.url,
        range: req.headers.range,
        ifMatch: req.headers['if-match'],
        auth: !!req.headers.authorization,
        token: req.headers['x-amz-security-token'],
    };
    log.push(entry);

    const refusal = strictRegion && refuseAsAws(req);
    if (refusal) {
        entry.status = refusal[0];
        entry.strict = true;
        req.resume();
        return answer(res, ...refusal);
    }

    const rule = takeRule(req);
    if (rule.do !== 'pass')
        entry.fault = rule.do;
    if (canned[rule.do]) {
        const [code, body, headers] = canned[rule.do](rule, req);
        entry.status = code;
        req.resume();
        return answer(res, code, body, headers);
    }
    if (rule.do === 'reset' && rule.after === -1)
        return req.socket.resetAndDestroy();
    if (rule.do === 'delay')
        await sleep(rule.ms);
    if (rule.do === 'hold')
        await new Promise((resolve) => held.push(resolve));

    const headers = [];
    for (let i = 0; i < req.rawHeaders.length; i += 2)
        if (!/^connection$/i.test(req.rawHeaders[i]))
            headers.push(req.rawHeaders[i], req.rawHeaders[i + 1]);
    const upstream = http.request({
        host: '127.0.0.1',
        port: upstreamPort,
        method: req.method,
        path: req.url,
        headers,
        agent,
        setHost: false,
    });
    upstream.on('error', (error) => {
        entry.error = error.message;
        if (res.headersSent)
            req.socket.resetAndDestroy();
        else
            answer(res, 502, errorXml('BadGateway', error.message));
    });
    upstream.on('response', (response) => relay(response, req, res, rule, entry));
    res.on('close', () => {
        if (!res.writableFinished)
            upstream.destroy();
    });
    req.pipe(upstream);
}

const server = http.createServer(
    { keepAliveTimeout: 60000, requestTimeout: 0, maxHeaderSize: 65536 },
    (req, res) => handle(req, res).catch((error) => {
        console.error(error);
        req.socket.destroy();
    }));
server.on('connection', (socket) => {
    socket.number = ++connections;
    socket.setNoDelay(true);
});
server.listen(listenPort, '127.0.0.1', () => {
    const strict = strictRegion ? ` strict ${strictRegion}` : '';
    console.log(`faultproxy 127.0.0.1:${server.address().port} -> 127.0.0.1:${upstreamPort}${strict}`);
});
if (flags.includes('--until-eof')) {
    process.stdin.on('end', () => process.exit(0));
    process.stdin.resume();
}
