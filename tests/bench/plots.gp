# gnuplot -e "data='FOLDER'; out='FOLDER'" plots.gp: three drawings from what figures.awk has written.
set terminal svg size 800,480 font "sans-serif,13" background "white"
set grid
set key outside top center horizontal
set style data linespoints
set logscale x

set xlabel "requests in flight"
set xrange [0.8:12500]
set ylabel "requests/s"
set yrange [0:*]
set output out."/requests.svg"
plot data."/unix.rate.limit-epoll" title "bare epoll" lw 2, \
  data."/unix.rate.limit-poll" title "bare poll" lw 2, \
  data."/unix.rate.push" title "library, push with epoll" lw 2, \
  data."/unix.rate.poll" title "library, own poll" lw 2

set ylabel "CPU per request, microseconds"
set output out."/cost.svg"
set logscale y
set yrange [1:*]
plot data."/unix.cpu_us.limit-epoll" title "bare epoll" lw 2, \
  data."/unix.cpu_us.limit-poll" title "bare poll" lw 2, \
  data."/unix.cpu_us.push" title "library, push with epoll" lw 2, \
  data."/unix.cpu_us.poll" title "library, own poll" lw 2

set xlabel "bytes of body"
set xrange [0.5:134217728]
set ylabel "MiB/s"
set yrange [*:*]
set output out."/throughput.svg"
# The empty body is drawn at 1.
plot data."/size.mib_s.limit-epoll" using ($1 < 1 ? 1 : $1):2 title "bare epoll" lw 2, \
  data."/size.mib_s.push" using ($1 < 1 ? 1 : $1):2 title "library, push with epoll" lw 2, \
  data."/size.mib_s.poll" using ($1 < 1 ? 1 : $1):2 title "library, own poll" lw 2
