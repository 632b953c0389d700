# From the lines of run.sh to one table and one JSON file: medians, ratios within a round, goals.
#
#   awk -v json=FILE -v plots=FOLDER -f figures.awk LINES
#
# A line is "GROUP X NAME ROUND metric=value ...": X is what is varied (requests in flight, bytes), NAME who did
# the work. Figures that were not measured come as "skipped NAME reason ...", facts as "fact NAME text ...".

$1 == "fact" { key = $2; sub(/^fact [^ ]+ /, ""); facts[++fact_count] = key; fact[key] = $0; next }
$1 == "skipped" { sub(/^skipped /, ""); skips[++skip_count] = $0; next }
{
  id = $1 SUBSEP $2 SUBSEP $3
  if (!(id in rounds)) ids[++id_count] = id
  has_name[$1, $3] = 1
  if (!(($1, $2) in seen_x)) { seen_x[$1, $2] = 1; xs[$1] = xs[$1] " " $2 }
  if ($4 > rounds[id]) rounds[id] = $4
  for (i = 5; i <= NF; i++) {
    split($i, part, "=")
    value[id, part[1], $4] = part[2]
    if (!((id, part[1]) in known)) { known[id, part[1]] = 1; metrics[id] = metrics[id] " " part[1] }
  }
}

function sorted_middle(list, n,    i, j, swap) {
  for (i = 2; i <= n; i++)
    for (j = i; j > 1 && list[j - 1] > list[j]; j--) {
      swap = list[j]
      list[j] = list[j - 1]
      list[j - 1] = swap
    }
  return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

# The median over the rounds; "" if it was not measured.
function median(group, x, name, metric,    id, i, list) {
  id = group SUBSEP x SUBSEP name
  if (!((id, metric) in known)) return ""
  for (i = 1; i <= rounds[id]; i++) list[i] = value[id, metric, i] + 0
  return sorted_middle(list, rounds[id])
}

# The median of one round's ratios: what disturbs a round disturbs both.
function ratio(group, x, a, b, metric,    id_a, id_b, i, list, n) {
  id_a = group SUBSEP x SUBSEP a; id_b = group SUBSEP x SUBSEP b
  if (!((id_a, metric) in known) || !((id_b, metric) in known)) return ""
  for (i = 1; i <= rounds[id_a] && i <= rounds[id_b]; i++)
    if (value[id_b, metric, i] > 0) list[++n] = value[id_a, metric, i] / value[id_b, metric, i]
  return n > 0 ? sorted_middle(list, n) : ""
}

# The faster of the two bare loops.
function limit_of(group, x,    poll, epoll) {
  poll = median(group, x, "limit-poll", "rate"); epoll = median(group, x, "limit-epoll", "rate")
  return poll + 0 > epoll + 0 ? "limit-poll" : "limit-epoll"
}

function shown(number, format) { return number == "" ? "-" : sprintf(format, number) }

function line(text) { print text; report = report text "\n" }

function heading(text) { line(""); line(text) }

# A goal: the figure, and what it must be at least (sign 1) or at most (sign -1).
function goal(text, figure, sign, bound, note,    verdict) {
  verdict = figure == "" ? "not measured" : (sign > 0 ? figure >= bound : figure <= bound) ? "met" : "NOT MET"
  line(sprintf("  %-62s %s %-8s %9s   %-12s %s", text, sign > 0 ? ">=" : "<=", bound,
    shown(figure, "%.3f"), verdict, note))
  goals[++goal_count] = "{\"goal\": " quoted(text) ", \"" (sign > 0 ? "at_least" : "at_most") "\": " bound \
    ", \"measured\": " (figure == "" ? "null" : figure) ", \"verdict\": " quoted(verdict) "}"
}

function throughput_goal(group, x, text, name, bound,    limit, cpu) {
  limit = limit_of(group, x)
  cpu = ratio(group, x, limit, name, "cpu_us")
  goal(text, ratio(group, x, name, limit, "rate"), 1, bound,
    "of " limit "; by CPU time " shown(cpu, "%.2f"))
}

function stream_goal(text, x) {
  goal(text, ratio("stream", x, "library", "limit", "mib_s"), 1, 0.9,
    "by CPU time " shown(ratio("stream", x, "limit", "library", "cpu_us"), "%.2f"))
}

# Those of `all` that have done something of the group.
function names_of(group, all, names,    given, n, i, count) {
  n = split(all, given, " ")
  for (i = 1; i <= n; i++)
    if ((group, given[i]) in has_name) names[++count] = given[i]
  return count
}

function table_of_flight(group, title,    list, n, i, x, j, names, count, row) {
  n = split(xs[group], list, " ")
  if (n == 0) return
  heading(title)
  count = names_of(group, "limit-poll limit-epoll limit-blocking poll pull push push-plain php php-package", names)
  row = sprintf("  %9s", "in flight")
  for (j = 1; j <= count; j++) row = row sprintf("  %17s", names[j])
  line(row)
  for (i = 1; i <= n; i++) {
    x = list[i]
    row = sprintf("  %9d", x)
    for (j = 1; j <= count; j++)
      row = row sprintf("  %9s %7s", shown(median(group, x, names[j], "rate"), "%.0f"),
        shown(median(group, x, names[j], "cpu_us"), "%.2f"))
    line(row)
  }
}

function pair_of_size(x, name) {
  return sprintf("%10s %11s", shown(median("size", x, name, "mib_s"), "%.1f"),
    shown(median("size", x, name, "rate"), "%.0f"))
}

function table_of_sizes(    list, n, i, x) {
  n = split(xs["size"], list, " ")
  if (n == 0) return
  heading("Throughput against body size, kept connections, 4 in flight: MiB/s, and requests/s")
  line(sprintf("  %10s  %22s  %22s  %22s", "bytes", "limit-epoll", "poll", "push"))
  for (i = 1; i <= n; i++) {
    x = list[i]
    line(sprintf("  %10d  %s  %s  %s", x, pair_of_size(x, "limit-epoll"), pair_of_size(x, "poll"),
      pair_of_size(x, "push")))
  }
}

function pair_of_stream(x, name) {
  return sprintf("%8s %7s", shown(median("stream", x, name, "mib_s"), "%.0f"),
    shown(median("stream", x, name, "cpu_us") / 1000, "%.0f"))
}

function table_of_streams(    list, n, i) {
  n = split(xs["stream"], list, " ")
  if (n == 0) return
  heading("Streams of " fact["stream_bytes"] " bytes: MiB/s, CPU ms")
  for (i = 1; i <= n; i++)
    line(sprintf("  %-10s  limit %s   library %s   ratio %s", list[i],
      pair_of_stream(list[i], "limit"), pair_of_stream(list[i], "library"),
      shown(ratio("stream", list[i], "library", "limit", "mib_s"), "%.3f")))
}

function table_of_counts(    list, n, i, names, count, j) {
  n = split(xs["count"], list, " ")
  if (n == 0) return
  heading("Counted per request, 64 in flight unless named otherwise")
  line(sprintf("  %-18s %12s %12s %12s %12s   %s", "", "instructions", "system calls", "allocations",
    "bytes", "system calls by name"))
  for (i = 1; i <= n; i++)
    line(sprintf("  %-18s %12s %12s %12s %12s   %s", list[i],
      shown(median("count", list[i], "all", "instructions"), "%.0f"),
      shown(median("count", list[i], "all", "system_calls"), "%.3f"),
      shown(median("count", list[i], "all", "allocations"), "%.3f"),
      shown(median("count", list[i], "all", "allocated_bytes"), "%.0f"),
      fact["calls_" list[i]]))
}

function table_of_heap(    list, n, i, x, text) {
  n = split(xs["heap"], list, " ")
  if (n == 0) return
  heading("Heap of the library: bytes and blocks")
  for (i = 1; i <= n; i++) {
    x = list[i]
    text = "  %6d at once: per request in flight %s in %s blocks; per idle connection %s in %s blocks (%d of them)"
    line(sprintf(text, x,
      shown(median("heap", x, "all", "in_flight_bytes"), "%.0f"),
      shown(median("heap", x, "all", "in_flight_blocks"), "%.1f"),
      shown(median("heap", x, "all", "idle_bytes"), "%.0f"),
      shown(median("heap", x, "all", "idle_blocks"), "%.1f"),
      median("heap", x, "all", "idle")))
  }
}

function growth(group, name, many,    a, b) {
  a = median(group, many, name, "cpu_us"); b = median(group, 64, name, "cpu_us")
  return a == "" || b == "" ? "" : a / b
}

function most_clock_reads(    list, n, i, most, v) {
  n = split("clock_send clock_fds clock_timeout clock_process_fd clock_process_timers clock_take clock_free",
    list, " ")
  if (median("clock", 1, "all", "clock_send") == "") return ""
  for (i = 1; i <= n; i++) { v = median("clock", 1, "all", list[i]); if (v > most) most = v }
  return most
}

function all_goals(    many, bare, heap_x, build, plain) {
  many = fact["many"]
  heading("Goals")
  throughput_goal("unix", 64, "64 in flight, own poll: share of the bare limit", "poll", 0.85)
  throughput_goal("unix", 64, "64 in flight, push: share of the bare limit", "push", 0.85)
  throughput_goal("unix", 1, "1 in flight, own poll: share of the bare limit", "poll", 0.95)
  throughput_goal("unix", 1, "1 in flight, push: share of the bare limit", "push", 0.95)
  goal("instructions per request, own poll", median("count", "poll", "all", "instructions"), -1, 2000, "")
  goal("instructions per request, push", median("count", "push", "all", "instructions"), -1, 2000, "")
  goal("system calls per request, own poll", median("count", "poll", "all", "system_calls"), -1, 2.1, "")
  goal("system calls per request, push", median("count", "push", "all", "system_calls"), -1, 2.1, "")
  goal("allocations per request", median("count", "poll", "all", "allocations"), -1, 2, "")
  goal("CPU per request, " many " in flight to 64, push", growth("unix", "push", many), -1, 1.3,
    "bare epoll " shown(growth("unix", "limit-epoll", many), "%.2f"))
  goal("CPU per request, " many " in flight to 64, own poll", growth("unix", "poll", many), -1, 3,
    "bare poll " shown(growth("unix", "limit-poll", many), "%.2f"))
  goal("heap bytes per request, " many " in flight", median("heap", many, "all", "in_flight_bytes"), -1, 1536, "")
  stream_goal("stream down: share of the bare copy loop", "down")
  stream_goal("stream up from a source: share of the bare copy loop", "up")
  goal("stream down: heap bytes more than for a 64th of it",
    median("stream-heap", "down", "all", "growth"), -1, 64, "constant memory")
  goal("stream up: heap bytes more than for a 64th of it",
    median("stream-heap", "up", "all", "growth"), -1, 64, "constant memory")
  goal("cluster of 100: copies of the variables",
    median("cluster", 100, "all", "variable_copies"), -1, 1.01, "encoded once")
  goal("cluster of 100: copies of the content", median("cluster", 100, "all", "content_copies"), -1, 0.01, "")
  throughput_goal("fresh", 1, "new connections, 1 in flight: share of the bare loop", "poll", 0.9)
  throughput_goal("fresh", 64, "new connections, 64 in flight: share of the bare loop", "poll", 0.9)
  build = median("count", "poll-build", "all", "system_calls")
  plain = median("count", "poll", "all", "system_calls")
  goal("system calls of building and freeing a request", build == "" ? "" : build - plain, -1, 0.01, "")
  goal("clock reads per entry that does not wait", most_clock_reads(), -1, 1,
    "an entry that waits: " shown(median("clock", 1, "all", "clock_wait"), "%d"))
}

function quoted(text) {
  gsub(/["\\]/, "\\\\&", text)
  return "\"" text "\""
}

# Every metric that was measured of this, as a JSON object.
function json_of(id,    part, n, list, j, text) {
  split(id, part, SUBSEP)
  text = "{\"group\": " quoted(part[1]) ", \"x\": " quoted(part[2]) ", \"name\": " quoted(part[3])
  text = text ", \"rounds\": " rounds[id]
  n = split(metrics[id], list, " ")
  for (j = 1; j <= n; j++)
    text = text ", " quoted(list[j]) ": " median(part[1], part[2], part[3], list[j])
  return text "}"
}

function write_json(    i) {
  print "{\n  \"facts\": {" > json
  for (i = 1; i <= fact_count; i++)
    print "    " quoted(facts[i]) ": " quoted(fact[facts[i]]) (i < fact_count ? "," : "") > json
  print "  },\n  \"figures\": [" > json
  for (i = 1; i <= id_count; i++) print "    " json_of(ids[i]) (i < id_count ? "," : "") > json
  print "  ],\n  \"goals\": [" > json
  for (i = 1; i <= goal_count; i++) print "    " goals[i] (i < goal_count ? "," : "") > json
  print "  ],\n  \"skipped\": [" > json
  for (i = 1; i <= skip_count; i++) print "    " quoted(skips[i]) (i < skip_count ? "," : "") > json
  print "  ]\n}" > json
}

# One file per curve, for gnuplot.
function write_plots(group, names, metric,    list, n, i, j, count, name, file, figure) {
  n = split(xs[group], list, " ")
  count = split(names, name, " ")
  for (j = 1; j <= count; j++) {
    file = plots "/" group "." metric "." name[j]
    printf "" > file
    for (i = 1; i <= n; i++) {
      figure = median(group, list[i], name[j], metric)
      if (figure != "") print list[i], figure > file
    }
    close(file)
  }
}

END {
  for (i = 1; i <= fact_count; i++) if (facts[i] !~ /^calls_/) line(sprintf("%-14s %s", facts[i], fact[facts[i]]))
  table_of_flight("unix", "Requests/s and CPU microseconds per request, Unix socket, kept connections")
  table_of_flight("tcp", "The same over TCP on the loopback interface")
  table_of_flight("fresh", "The same with a new connection for each request, Unix socket")
  table_of_streams()
  table_of_sizes()
  table_of_counts()
  table_of_heap()
  all_goals()
  if (skip_count > 0) heading("Not measured")
  for (i = 1; i <= skip_count; i++) line("  " skips[i])
  write_plots("unix", "limit-poll limit-epoll poll push", "rate")
  write_plots("unix", "limit-poll limit-epoll poll push", "cpu_us")
  write_plots("size", "limit-epoll poll push", "mib_s")
  write_json()
}
