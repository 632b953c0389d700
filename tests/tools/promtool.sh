#!/bin/bash
# What fcgi-status --openmetrics prints is to Prometheus' own taste, whatever the servers say.
. "$(dirname "$0")/common.sh"
need promtool prometheus
. "$(dirname "$0")/pages.sh"

promtool_says() {
  checks=$((checks + 1))
  promtool check metrics <"$work/out" >"$work/wrong" 2>&1 || fail "promtool: $(cat "$work/wrong")"
}
run fcgi-status -o "${three[@]}" "$dead"
expect 1
promtool_says
run fcgi-status -o -p /status "${three[@]}"
expect 0
promtool_says
for address in "${good[@]}" "${hostile[@]}"; do
  run fcgi-status -o "$address"
  expect 0
  promtool_says
done
run fcgi-status -o -m 6000 "${good[@]}" "${hostile[@]}" "${bad[@]}"
expect 1
promtool_says
# It would say so if something were wrong.
command=(promtool)
sed -i 's/_total{/_seconds_{/' "$work/out"
check "promtool takes anything" eval '! promtool check metrics <"$work/out" >/dev/null 2>&1'
finish
