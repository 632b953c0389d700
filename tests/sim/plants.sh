#!/bin/bash
# The simulation notices what is wrong: plants.sh SIM. Each plant is something broken on purpose, with a
# part of the sentence that has to say so.
set -u
sim="$1"
failed=0
while IFS='|' read -r plant sentence; do
  if said="$("$sim" --no-cases --seeds 1000 --keep-going --plant "$plant" 2>&1)"; then
    printf '%s: not noticed\n' "$plant"
    failed=1
  elif ! grep -q -e "$sentence" <<<"$said"; then
    printf '%s: noticed, but not as "%s":\n%s\n' "$plant" "$sentence" "$said"
    failed=1
  else
    printf '%s: %s\n' "$plant" "$(grep -m 1 -e "$sentence" <<<"$said")"
  fi
done <<'END'
leaks|descriptors are open after the proxy was freed
late|ms) takes
early|before its deadline
spins|it runs in circles
flipped|a piece of output that was not received
untold|the watcher was told
lost|has 0 results
twice|got 2 results
crowded|sockets for endpoint
fat|instead of FCGIP_ETOOLARGE
whim|the same seed gives another run
blind|had arrived before
hasty|a clock of the system was asked
END
exit $failed
