#!/bin/bash
# docker/compose.yaml is well-formed, and has the services that docker/README.md promises. No engine is
# needed to see that.
. "$(dirname "$0")/common.sh"
need docker-compose docker-compose
config="$scratch/config.yaml"
docker-compose -f docker/compose.yaml config >"$config" 2>"$scratch/log" || {
  cat "$scratch/log"
  exit 1
}

# expect TEXT: a line of the configuration as docker-compose understood it.
expect() {
  grep -qE -- "$1" "$config" || {
    printf 'not in the configuration: %s\n' "$1"
    findings=1
  }
}

services="$(docker-compose -f docker/compose.yaml config --services 2>/dev/null | sort | tr '\n' ' ')"
[ "$services" = "examples php56 php74 php85 " ] || report "services" "$services"
for image in 5.6 7.4 8.5; do
  expect "image: php:$image-fpm"
done
for service in php56 php74 php85; do
  expect "FCGIP_UNIX: /sockets/$service.sock"
  expect "tcp://$service:9001"
done
[ "$(grep -c 'FCGIP_NETWORK1: 0.0.0.0:9001' "$config")" -eq 3 ] || report "TCP pools" "not three"
[ "$(grep -cE 'source: sockets|sockets:/sockets' "$config")" -eq 4 ] || report "volume" "not shared by all"
# The files that are mounted are those the local tests use.
for file in global.conf common.inc network1.conf unix.conf; do
  [ -f "docker/php-fpm/$file" ] || report "missing" "docker/php-fpm/$file"
done
exit $findings
