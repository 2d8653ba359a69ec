# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are shared with ./bootstrap
# The Trilinos subset that Ritz links: fetched from Debian's source archive, built against the MPI
# at hand, installed in a prefix of its own. Sourced by ./bootstrap, whose variables $here,
# $prefix_root, $jobs and $log and functions say, fail, run_logged and run_ninja it uses.

trilinos_version=13.2.0
trilinos_debian=13.2.0-4
trilinos_tarball=trilinos_${trilinos_version}.orig.tar.gz
trilinos_folder=Trilinos-trilinos-release-13-2-0 # as the tarball unpacks

# Name of the prefix: every input that changes the binaries is in the hash.
trilinos_prefix() {
  local key
  key=$({
    echo "$trilinos_version"
    cat "$here/.bootstrap/trilinos-options.cmake" "$here/.bootstrap/trilinos-unity.cmake"
    g++ --version | head -n 1
    dpkg-query -W -f '${Package} ${Version}\n' libmpich-dev
  } | sha256sum | cut -c1-12)
  echo "$prefix_root/trilinos-$trilinos_version-$key"
}

# Where it is fetched, unpacked and built. Kept until the prefix is finished, so that an interrupted
# build goes on; removed afterwards.
trilinos_work() {
  local prefix
  prefix=$(trilinos_prefix)
  echo "$prefix_root/work-${prefix##*/}"
}

# A prefix counts as finished only when its marker exists; the marker is written last.
trilinos_ready() { [ -f "$(trilinos_prefix)/ritz-complete" ]; }

# Fetch the source with apt, from a private copy of the system's own sources with `deb` turned into
# `deb-src`; the system's files stay as they are.
trilinos_fetch() { # work folder
  local work=$1 apt=$1/apt file
  [ -f "$work/fetched" ] && return 0
  rm -rf "$apt" && mkdir -p "$apt/parts" "$apt/lists/partial"
  : >"$apt/sources.list"
  if [ -f /etc/apt/sources.list ]; then
    sed -n 's/^\s*deb\s/deb-src /p' /etc/apt/sources.list >"$apt/sources.list"
  fi
  for file in /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] && sed -n 's/^\s*deb\s/deb-src /p' "$file" >"$apt/parts/${file##*/}"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] && sed 's/^Types:.*/Types: deb-src/' "$file" >"$apt/parts/${file##*/}"
  done
  local options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o "Dir::Etc::sourceparts=$apt/parts"
    -o "Dir::State::Lists=$apt/lists" -o APT::Sandbox::User=)
  (
    cd "$work" || exit 1
    # One of several sources may offer no source packages: what counts is the file.
    apt-get "${options[@]}" update || true
    # Another Debian release may package the same source under another revision.
    apt-get "${options[@]}" source --download-only "trilinos=$trilinos_debian" ||
      apt-get "${options[@]}" source --download-only trilinos
  ) || return 1
  [ -f "$work/$trilinos_tarball" ] || return 1
  rm -rf "$apt"
  touch "$work/fetched"
}

# Unpack beside the final name and rename: a source folder that exists is a whole one.
trilinos_unpack() { # work folder
  local work=$1
  [ -d "$work/$trilinos_folder" ] && return 0
  rm -rf "$work/unpack" && mkdir "$work/unpack" &&
    tar -xzf "$work/$trilinos_tarball" -C "$work/unpack" &&
    mv "$work/unpack/$trilinos_folder" "$work/" && rmdir "$work/unpack"
}

trilinos_configure() { # source build prefix
  local launcher=()
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  cmake -G Ninja -S "$1" -B "$2" -C "$here/.bootstrap/trilinos-options.cmake" \
    -DCMAKE_PROJECT_Trilinos_INCLUDE="$here/.bootstrap/trilinos-unity.cmake" \
    -DCMAKE_INSTALL_PREFIX="$3" \
    -DCMAKE_C_COMPILER=mpicc.mpich -DCMAKE_CXX_COMPILER=mpicxx.mpich "${launcher[@]}"
}

# Install, then the one edit that C++20 needs: a constructor declared with its template arguments.
trilinos_install() { # build prefix
  local header=$2/include/Teuchos_StandardParameterEntryValidators.hpp
  ninja -C "$1" install || return 1
  sed -i 's/^\(\s*\)AbstractArrayValidator<ValidatorType, EntryType>();/\1AbstractArrayValidator();/' \
    "$header" || return 1
  grep -q '^ *AbstractArrayValidator();' "$header"
}

# Build and run a small solve against an installed Trilinos: C++20, two ranks, direct solver.
trilinos_selftest() { # prefix (or nothing: what CMake finds by itself) folder
  rm -rf "$2" && mkdir -p "$2" || return 1
  cmake -G Ninja -S "$here/.bootstrap/selftest" -B "$2" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_COMPILER=g++ -DCMAKE_C_COMPILER=gcc -DRITZ_FIND_BOOTSTRAP_PREFIX=OFF \
    ${mpi_cxx:+"-DMPI_CXX_COMPILER=$mpi_cxx"} ${1:+"-DCMAKE_PREFIX_PATH=$1"} || return 1
  ninja -C "$2" || return 1
  OMP_NUM_THREADS=1 OMP_PROC_BIND=false \
    timeout 120 "$(cached MPIEXEC_EXECUTABLE "$2")" -n 2 "$2/selftest"
}

# Everything from nothing to a finished prefix; every step can be interrupted and goes on later.
trilinos_build() {
  local prefix work
  prefix=$(trilinos_prefix)
  work=$(trilinos_work)
  mkdir -p "$work"
  run_logged "fetching the Trilinos source (166 MB)" trilinos_fetch "$work" ||
    fail "the Trilinos source could not be fetched with apt-get source" \
      "Is the network up, and do the system's apt sources offer bookworm or trixie?"
  run_logged "unpacking Trilinos" trilinos_unpack "$work" ||
    fail "unpacking $work/$trilinos_tarball failed (disk full?)"
  run_logged "configuring Trilinos" \
    trilinos_configure "$work/$trilinos_folder" "$work/build" "$prefix" ||
    fail "configuring Trilinos failed"
  run_ninja "Trilinos" "$work/build" "$here/.bootstrap/trilinos-weights.txt" ||
    fail "compiling Trilinos failed"
  run_logged "installing Trilinos" trilinos_install "$work/build" "$prefix" ||
    fail "installing Trilinos into $prefix failed"
  run_logged "checking Trilinos with a solve on 2 ranks" \
    trilinos_selftest "$prefix" "$work/selftest" ||
    fail "the Trilinos just built does not solve a small system right"
  {
    echo "Trilinos $trilinos_version for Ritz, finished $(date -u +%Y-%m-%dT%H:%M:%SZ)"
    g++ --version | head -n 1
    dpkg-query -W -f '${Package} ${Version}\n' libmpich-dev
  } >"$prefix/ritz-complete.new"
  sync "$prefix/ritz-complete.new"
  mv "$prefix/ritz-complete.new" "$prefix/ritz-complete"
  rm -rf "$work"
}
