#!/bin/bash
# The forms of fcgi-status, on what each version of php-fpm says, and on what is made to mislead: JSON that a strict
# reader reads, with the keys that are documented; metrics as OpenMetrics has them; nothing raw.
. "$(dirname "$0")/common.sh"
here="$(cd "$(dirname "$0")" && pwd)"
need php php-cli
tool=fcgi-status usage=2

. "$(dirname "$0")/pages.sh"

# ---- JSON ----

run fcgi-status --json "${three[@]}" "$dead"
expect 1
expect_lines 1
expect_json '["version","time","path","failed","over_limit","servers"]' 'array_keys($d)'
for i in 0 3; do
  expect_json '["address","up","error","duration","pool","processes","extra","limits"]' "array_keys(\$d['servers'][$i])"
done
expect_json '["name","process_manager","start_time","start_since","accepted_connections","listen_queue","max_listen_queue","listen_queue_length","idle_processes","active_processes","total_processes","max_active_processes","max_children_reached","slow_requests","memory_peak"]' \
  'array_keys($d["servers"][0]["pool"])'
expect_json '["pid","state","start_time","start_since","requests","request_duration","request_method","request_uri","content_length","user","script","last_request_cpu","last_request_memory"]' \
  'array_keys($d["servers"][0]["processes"][0])'
expect_json '["name","text"]' 'array_keys($d["servers"][3]["error"])'
expect_json "[\"$FCGIP_NETWORK1\",\"$FCGIP_NETWORK2\",\"$FCGIP_UNIX\",\"$dead\"]" 'array_column($d["servers"], "address")'
expect_json '[true,true,true,false]' 'array_column($d["servers"], "up")'
expect_json '"FCGIP_ECONNECT"' '$d["servers"][3]["error"]["name"]'
expect_json null '$d["servers"][3]["pool"]'
expect_json 1 '$d["failed"]'
expect_json true 'abs($d["time"] - time()) < 60 && abs($d["servers"][0]["pool"]["start_time"] - time()) < 600'
expect_json '"/status?full"' '$d["path"]'

run fcgi-status -j "${good[@]}"
expect 0
expect_json '["www"]' 'array_values(array_unique(array_map(fn($s) => $s["pool"]["name"], $d["servers"])))'
expect_json '[null,5,null,0,0,0,0,0]' 'array_map(fn($s) => $s["pool"]["slow_requests"], $d["servers"])'
expect_json '[3,3,null,0,0,0,0,0]' 'array_map(fn($s) => $s["pool"]["listen_queue"], $d["servers"])'
expect_json '[null,null,null,null,null,null,2097152,null]' 'array_map(fn($s) => $s["pool"]["memory_peak"], $d["servers"])'
expect_json '[0,2,0,2,0,0,1,1]' 'array_map(fn($s) => count($s["processes"]), $d["servers"])'
expect_json '[1795369135,1795369135,1795369135,1795369135,null,null,1795369135,1795369135]' \
  'array_map(fn($s) => $s["pool"]["start_time"], $d["servers"])'
expect_json '[11,"Getting request informations",1500000,"/index.php?a=b",150.25]' \
  'array_map(fn($k) => $d["servers"][1]["processes"][0][$k], ["pid","state","request_duration","request_uri","last_request_cpu"])'
expect_json '[{"key":"reused processes","value":"3"},{"key":"client","value":"a \"b\""}]' '$d["servers"][7]["extra"]'

run fcgi-status -j "${hostile[@]}"
expect 0
expect_clean
expect_json true '$d["servers"][0]["pool"]["name"] === "a\"b\\c\nd\x1b[31m\u{9b}\u{202e}\u{feff}\u{fc}{}"'
expect_json true 'str_starts_with($d["servers"][1]["pool"]["name"], str_repeat("\u{fffd}", 7) . " \x1b[2J")'
expect_json 3 'count($d["servers"][0]["processes"])'
expect_json true '$d["servers"][2]["pool"]["memory_peak"] > 1e18'
check "what is not seen is escaped" grep -qF '\u202e\ufeffü{}' "$work/out"
run fcgi-status -j -m 6000 "${bad[@]}" "$PAGE_P53"
expect 1
expect_clean
expect_json 6 '$d["failed"]'
expect_json '[false,false,false,false,false,false,true]' 'array_column($d["servers"], "up")'
expect_json '"FCGIP_ESTATUSFORMAT"' '$d["servers"][0]["error"]["name"]'
expect_json '"FCGIP_EREAD"' '$d["servers"][2]["error"]["name"]'
expect_json '"FCGIP_ETIMEDOUT"' '$d["servers"][3]["error"]["name"]'

# ---- text ----

run fcgi-status "${good[@]}"
expect 0
expect_count 2 '- Number of slow requests: -'
expect_count 1 '- Current listen queue: -'
expect_count 1 '- Memory peak: 2097152'
expect_count 2 '- Started at: -'
run fcgi-status "${hostile[@]}" "$PAGE_NONSENSE" "$PAGE_BUSY"
expect 1
expect_clean
expect_out '- Pool name: a"b\\c\\x0ad\\x1b\[31m\\xc2\\x9b\\xe2\\x80\\xae\\xef\\xbb\\xbf\\xc3\\xbc\{\}'
expect_out '  \* Last request URI: /\\x1b\]0;x\\x07\?"\\'
run fcgi-status --max-active 100 "${hostile[@]}" "$PAGE_NONSENSE"
expect 1
expect_clean
expect_lines 4
run fcgi-status --slow-requests 0 --listen-queue 9 "$PAGE_P53" "$PAGE_P56" "$PAGE_P_WITHOUT_QUEUE"
expect 3
expect_out 'LIMIT .*: slow_requests is not in the page'
expect_out 'LIMIT .*: slow_requests 5 > 0'
expect_out 'LIMIT .*: listen_queue is not in the page, slow_requests is not in the page'
run fcgi-status -j --slow-requests 0 "$PAGE_P53"
expect 3
expect_json '[{"key":"slow_requests","value":null,"most":0}]' '$d["servers"][0]["limits"]'
for options in "--ping /ping" "--ping /ping -j"; do
  # shellcheck disable=SC2086
  run fcgi-status $options "$PAGE_PING"
  expect 0
  expect_clean
done
expect_json '"\u001b[31mpo\u0000ng\ufffd\n"' '$d["servers"][0]["response"]'
# Lines, where there is no terminal.
run fcgi-status --watch 0.1 --count 1 "${hostile[@]}" "$PAGE_NONSENSE"
expect 1
expect_clean
expect_lines 4
expect_out "20[0-9T:-]*Z $PAGE_NONSENSE error=FCGIP_ESTATUSFORMAT text=\".*\""
expect_out "20[0-9T:-]*Z $PAGE_HOSTILE pool=\"a\\\\\"b.*\" start_since=58 accepted_connections=4 .*"

# ---- metrics ----

openmetrics() {
  checks=$((checks + 1))
  php -n "$here/openmetrics.php" "$work/out" >"$work/wrong" 2>&1 || fail "$(cat "$work/wrong")"
  expect_clean
}
for option in -o --openmetrics; do
  run fcgi-status $option "${three[@]}" "$dead"
  expect 1
  openmetrics
done
expect_count 4 'phpfpm_up\{pool="[a-z0-9]*",endpoint="(tcp|unix)://[^"]*"\} [01]'
expect_out "phpfpm_up\{pool=\"\",endpoint=\"$dead\"\} 0"
expect_out "phpfpm_total_processes\{pool=\"unix\",endpoint=\"$FCGIP_UNIX\"\} 5"
expect_count 15 'phpfpm_process_state\{pool="[a-z0-9]+",endpoint="[^"]+",pid="[0-9]+",state="(Idle|Running|Finishing|Ending|Reading headers)"\} 1'
expect_count 15 'phpfpm_process_requests_total\{pool="[a-z0-9]+",endpoint="[^"]+",pid="[0-9]+"\} [0-9]+'
expect_count 3 'phpfpm_process_manager_info\{pool="[a-z0-9]+",endpoint="[^"]+",process_manager="static"\} 1'
run fcgi-status -o -p /status "${three[@]}"
expect 0
expect_count 0 'phpfpm_process_(state|requests_total).*'
openmetrics
for address in "${good[@]}" "${hostile[@]}"; do
  run fcgi-status -o "$address"
  expect 0
  openmetrics
done
run fcgi-status -o -m 6000 "${good[@]}" "${hostile[@]}" "${bad[@]}"
expect 1
openmetrics
expect_count 9 'phpfpm_slow_requests_total\{.*' # in all eleven but those of PHP 5.3
expect_count 10 'phpfpm_listen_queue\{.*'
expect_count 2 'phpfpm_memory_peak_bytes\{.*'
expect_count 9 'phpfpm_start_time_seconds\{.*'
expect_out "phpfpm_process_request_duration_seconds\{pool=\"www\",endpoint=\"$PAGE_P56\",pid=\"11\"\} 1\.500000"
expect_out "phpfpm_process_last_request_cpu_ratio\{pool=\"www\",endpoint=\"$PAGE_P56\",pid=\"11\"\} 1\.502500"
expect_out "phpfpm_process_state\{pool=\"www\",endpoint=\"$PAGE_P56\",pid=\"11\",state=\"Getting request information\"\} 1"
expect_count 1 'phpfpm_process_state\{.*,pid="51",.*'
expect_out 'phpfpm_up\{pool="a\\"b\\\\c\\\\u000ad\\\\u001b\[31m\\\\u009b\\\\u202e\\\\ufeffü\{\}",endpoint=.*'
finish
