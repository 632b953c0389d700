// Node.js and koffi: 20 requests round robin over some servers, and what the servers say of themselves.
//   npm install koffi && node round_robin.js tcp://127.0.0.1:9000 unix:///run/php-fpm.sock
// FCGIP_LIBRARY and FCGIP_HEADER name the library and fcgiproxy/ffi.h where they are not installed,
// FCGIP_SCRIPTS the folder of echo.php as the servers know it.
const fs = require('fs');
const path = require('path');
const koffi = require('koffi');

const library = koffi.load(process.env.FCGIP_LIBRARY || 'libfcgiproxy.so.0');
const c = {};
for (const line of fs.readFileSync(process.env.FCGIP_HEADER || '/usr/include/fcgiproxy/ffi.h', 'utf8').split('\n')) {
  let found;
  if ((found = line.match(/^(?:typedef )?struct (\w+)/))) koffi.opaque(found[1]);
  else if ((found = line.match(/^typedef (.*)\(\*(\w+)\)(.*);$/)))
    koffi.alias(found[2], koffi.pointer(koffi.proto(`${found[1]} ${found[2]}_call${found[3]}`)));
  else if ((found = line.match(/^typedef (\w+) (\w+);$/))) koffi.alias(found[2], found[1]);
  else if ((found = line.match(/(fcgip_\w+)\(/)))
    c[found[1]] = library.func(line.replace('struct ', '').replace(/\w+ \*\*out\b|size_t \*len\b/, '_Out_ $&'));
}

function check(result) {
  if (result < 0) throw new Error(c.fcgip_strerror(result));
}
// What a constructor makes: `...` of its arguments, the first one aside.
function create(constructor, ...given) {
  const out = [null];
  check(constructor(out, ...given));
  return out[0];
}

const endpoints = process.argv.slice(2).map((address) => create(c.fcgip_endpoint_parse, address, null));
const servers = create(c.fcgip_round_robin_new, endpoints, endpoints.length);
const proxy = create(c.fcgip_proxy_new, servers, null);
const cluster = create(c.fcgip_cluster_proxy_new, servers, null);
const script = path.join(process.env.FCGIP_SCRIPTS || path.resolve('docker/scripts'), 'echo.php');
const request = create(c.fcgip_get_request_new, script, null, 0);
check(c.fcgip_request_set_request_uri(request, '/echo.php?value=hello'));

const onResponse = koffi.register((response) => {
  const length = [0];
  const body = c.fcgip_response_body(response, length);
  process.stdout.write(Buffer.from(koffi.view(body, length[0])));
}, 'fcgip_response_fn');
const onFailure = koffi.register((response) => console.log(c.fcgip_response_error_text(response)), 'fcgip_response_fn');
check(c.fcgip_request_add_response_callback(request, onResponse, null, null));
check(c.fcgip_request_add_failure_callback(request, onFailure, null, null));
for (let i = 0; i < 20; i++) check(c.fcgip_proxy_send_async_request(proxy, request, null));
check(c.fcgip_proxy_wait_for_responses(proxy, 5000));

const answers = create((out) => c.fcgip_cluster_proxy_get_status(cluster, '/status', 2000, out));
for (let i = 0; i < c.fcgip_status_list_count(answers); i++) {
  const server = c.fcgip_status_list_at(answers, i);
  const pool = c.fcgip_server_status_php_fpm(server);
  console.log(pool === null ? c.fcgip_server_status_error_text(server) :
    `${c.fcgip_php_fpm_status_pool_name(pool)}: ${c.fcgip_php_fpm_status_accepted_connections(pool)} accepted`);
}
const objects = { status_list: [answers], request: [request], cluster_proxy: [cluster], proxy: [proxy],
  collection: [servers], endpoint: endpoints };
for (const [kind, list] of Object.entries(objects)) list.forEach((object) => c[`fcgip_${kind}_free`](object));
[onResponse, onFailure].forEach(koffi.unregister);
