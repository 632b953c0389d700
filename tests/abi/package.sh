#!/bin/bash
# package.sh CHECKOUT BUILD: the Debian package is made, by the lines of README.md, and installed in a root of its own,
# where a program is linked with what it brought; removing it leaves nothing. Before that, the lines that install
# under a prefix.
. "$(dirname "$0")/../gates/common.sh"
need dpkg-deb dpkg
need cpack cmake
need pkg-config pkg-config
need gzip gzip
rm -rf "$scratch"
mkdir -p "$scratch" || exit 1
tools=()
[ ! -d examples/tools ] || tools=(fcgiget fcgi-status fcgi-broadcast)

# A place like a checkout, whose folder build/ is ours; and the lines of README.md, with another prefix.
for entry in CMakeLists.txt .cmake .doc include src examples LICENSE CHANGELOG.md; do
  ln -s "$checkout/$entry" "$scratch/$entry"
done
tests/readme/extract.sh README.md "$scratch/blocks" || exit 1
sed -i "s#/usr/local#'$scratch/prefix'#; s#^cmake -S .*#& -DFCGIPROXY_WERROR=ON -DFCGIPROXY_BUILD_EXAMPLES=OFF#" \
  "$scratch/blocks/"*.install
for block in prefix debian; do
  (cd "$scratch" && CMAKE_BUILD_PARALLEL_LEVEL="$(jobs_count)" bash -e "blocks/$block.install") >>"$scratch/log" 2>&1 || {
    cat "$scratch/log"
    exit 1
  }
done
for file in include/fcgiproxy/fcgiproxy.h share/man/man3/fcgiproxy.3; do
  [ -f "$scratch/prefix/$file" ] || report "not installed by the lines of README.md" "$file"
done
report "warnings" "$(grep -i warning "$scratch/log")"
package="$(ls "$scratch/build/"*.deb)"
version="$(PKG_CONFIG_PATH="$build/pkgconfig" pkg-config --modversion fcgiproxy)"

# field NAME PATTERN: what the package says of itself.
field() {
  dpkg-deb --field "$package" "$1" | grep -qE "$2" || report "$1" "$(dpkg-deb --field "$package" "$1")"
}
field Package '^libfcgiproxy$'
field Version "^${version//./\\.}-1$"
field Architecture "^$(dpkg --print-architecture)$"
field Maintainer '^[^<>]+ <[^ @]+@[^ @]+>$'
field Section '^libdevel$'
field Description '^FastCGI client library'
! have dpkg-shlibdeps || field Depends '^libc6 \(>= [0-9.]+\)$'
report "name" "$(basename "$package" | grep -v "^libfcgiproxy_${version//./\\.}-1_")"
# Scripts run as root: CPack's have the system look for libraries, and do nothing else.
for script in $(dpkg-deb --ctrl-tarfile "$package" | tar -t | grep -E '/(pre|post)(inst|rm)$'); do
  report "$script" "$(dpkg-deb --ctrl-tarfile "$package" | tar -xO "$script" |
    grep -vE '^(#!/bin/sh|set -e|if \[ "\$1" = "?(configure|remove)"? \]; then|[[:space:]]*ldconfig|fi|)$')"
done
report "owners and modes" "$(dpkg-deb --contents "$package" |
  awk '$2 != "root/root" || $1 !~ /^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx)$/')"
dpkg-deb --contents "$package" | awk '{ print $6 }' >"$scratch/contents"
for file in share/doc/libfcgiproxy/{copyright,changelog.gz,changelog.Debian.gz} share/man/man3/fcgiproxy.3.gz \
  include/fcgiproxy/{fcgiproxy,ffi}.h; do
  grep -qxF "./usr/$file" "$scratch/contents" || report "not in the package" "$file"
done
report "man pages that are not compressed" "$(grep '/man/.*[^/]$' "$scratch/contents" | grep -v '\.gz$')"
for tool in "${tools[@]}"; do
  for file in bin/$tool share/man/man1/$tool.1.gz share/bash-completion/completions/$tool; do
    grep -qxF "./usr/$file" "$scratch/contents" || report "not in the package" "$file"
  done
done
report "outside of /usr" "$(dpkg-deb --contents "$package" | awk '$6 !~ /^\.\/(usr\/|$)/')"

# A root with a dpkg of its own, and as much else as the package's scripts need: a shell and ldconfig.
root="$scratch/root"
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/triggers" "$root/etc"
: >"$root/var/lib/dpkg/status"
for file in "$(readlink -f /bin/sh)" "$(readlink -f /sbin/ldconfig)" \
  $(ldd /bin/sh | grep -o '/[^ ]*' | sort -u); do
  mkdir -p "$root$(dirname "$file")" && cp -L "$file" "$root$file"
done
mkdir -p "$root/bin" "$root/sbin"
[ -e "$root/bin/sh" ] || ln -s "$(readlink -f /bin/sh)" "$root/bin/sh"
[ -e "$root/sbin/ldconfig" ] || ln -s "$(readlink -f /sbin/ldconfig)" "$root/sbin/ldconfig"
cp -r /etc/ld.so.conf* "$root/etc/" 2>/dev/null
installed=0
if [ "$(id -u)" -eq 0 ] && chroot "$root" /bin/sh -c : 2>/dev/null; then
  installed=1
  dpkg --root="$root" --force-depends --install "$package" >"$scratch/dpkg.log" 2>&1 ||
    report "dpkg --install" "$(cat "$scratch/dpkg.log")"
  dpkg --root="$root" --status libfcgiproxy 2>&1 | grep -q '^Status: install ok installed$' ||
    report "dpkg --status" "$(dpkg --root="$root" --status libfcgiproxy 2>&1)"
else # only root can do that
  dpkg-deb --extract "$package" "$root" || exit 1
fi

pc="$(find "$root" -name fcgiproxy.pc)"
libdir="$(dirname "$(dirname "$pc")")"
PKG_CONFIG_PATH="$(dirname "$pc")"
export PKG_CONFIG_PATH
report "not stripped" "$(readelf -SW "$libdir/libfcgiproxy.so" | grep -E '\.(debug_info|symtab)')"
for options in "" --static; do
  eval "gcc -std=c11 ${options:+-static} tests/abi/consumer.c -o '$scratch/consumer' \
    $(pkg-config --cflags --libs $options fcgiproxy)" 2>"$scratch/log" || report "linking $options" "$(cat "$scratch/log")"
  printed="$(LD_LIBRARY_PATH="$libdir" "$scratch/consumer" 2>&1)"
  [ "$printed" = "$version" ] || report "program $options" "it printed \"$printed\""
done

# It is as hardened as the library of the plain build.
mkdir -p "$scratch/facts/pkgconfig"
cp -P "$libdir"/libfcgiproxy.* "$scratch/build/CMakeCache.txt" "$scratch/facts/"
cp "$pc" "$scratch/facts/pkgconfig/"
report "facts" "$(tests/abi/facts.sh "$checkout" "$scratch/facts")"

if [ "$installed" -eq 1 ]; then
  eval "gcc tests/abi/consumer.c -o '$root/consumer' $(pkg-config --cflags --libs fcgiproxy)"
  printed="$(chroot "$root" /consumer 2>&1)" # the library is where the system looks
  [ "$printed" = "$version" ] || report "in the root" "\"$printed\""
  for tool in "${tools[@]}"; do
    chroot "$root" "/usr/bin/$tool" --help 2>&1 | grep -q '^usage: ' || report "in the root" "$tool does not run"
  done
  dpkg --root="$root" --purge libfcgiproxy >"$scratch/dpkg.log" 2>&1 ||
    report "dpkg --purge" "$(cat "$scratch/dpkg.log")"
  report "what stays" "$(find "$root" -path '*fcgiproxy*' -not -path "$root/var/*")"
fi
exit $findings
