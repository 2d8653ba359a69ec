# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are shared with ./bootstrap
# What ./bootstrap finds out about the machine and installs on it, and what it starts at the end.
# Sourced by ./bootstrap.

build_packages=(g++ cmake ninja-build ccache git zlib1g-dev libzstd-dev
  libcli11-dev libtomlplusplus-dev libfmt-dev libspdlog-dev nlohmann-json3-dev)
test_packages=(libgtest-dev libgmock-dev gmsh hdf5-tools python3-vtk9 python3-numpy python3-h5py)
mpich_packages=(mpich libmpich-dev libhdf5-mpich-dev libblas-dev liblapack-dev)
# Debian's own Trilinos needs its friends even to be found by CMake.
openmpi_packages=(openmpi-bin libopenmpi-dev libhdf5-openmpi-dev trilinos-all-dev libmumps-dev
  libboost-dev libboost-program-options-dev libglm-dev libptscotch-dev)

# GB of memory that one compilation may need (the largest unit of Trilinos: see
# docs/decisions/0002-trilinos-from-source.md).
gigabytes_per_job=2

memory_megabytes() { # what may be used now: the machine's, or the container's if that is less
  local available limit used file=/sys/fs/cgroup/memory.max
  available=$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo)
  if [ -r "$file" ] && limit=$(cat "$file") && [ "$limit" != max ]; then
    used=$(cat /sys/fs/cgroup/memory.current)
    limit=$(((limit - used) / 1048576))
    if [ "$limit" -lt "$available" ]; then available=$limit; fi
  fi
  echo "$available"
}

choose_jobs() {
  local memory most
  memory=$(memory_megabytes)
  cores=$(nproc)
  if [ "$memory" -lt 1500 ]; then
    say "only $memory MB of memory are free: compiling may fail (2 GB for each job are enough)"
  fi
  most=$((memory / (gigabytes_per_job * 1024)))
  if [ "$most" -lt 1 ]; then most=1; fi
  if [ -z "$jobs" ]; then
    jobs=$cores
    if [ "$jobs" -gt "$most" ]; then
      jobs=$most
      say "compiling $jobs at a time: $memory MB of memory are free, $gigabytes_per_job GB for each"
    fi
  elif [ "$jobs" -gt "$most" ]; then
    say "--jobs $jobs may need more than the $memory MB of memory that are free"
  fi
}

check_room() { # folder, megabytes, for what
  local folder=$1 free
  while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
  free=$(($(df -Pk "$folder" | awk 'NR == 2 {print $4}') / 1024))
  if [ "$free" -lt "$2" ]; then
    log=
    fail "$3 needs $2 MB of disk in $1, only $free MB are free" \
      "Free some, or name another place with --prefix."
  fi
}

# Which Trilinos: the user's own (CMAKE_PREFIX_PATH, Trilinos_DIR, Trilinos_ROOT), Debian's binary
# one, or one built from Debian's source.
choose_trilinos() {
  local folder config id=
  trilinos_path=
  IFS=: read -r -a folders <<<"${CMAKE_PREFIX_PATH:-}:${Trilinos_ROOT:-}:${Trilinos_DIR:-}"
  for folder in "${folders[@]}"; do
    [ -n "$folder" ] || continue
    for config in "$folder"/lib*/cmake/Trilinos/TrilinosConfig.cmake \
      "$folder"/lib/*/cmake/Trilinos/TrilinosConfig.cmake "$folder/TrilinosConfig.cmake"; do
      if [ -f "$config" ]; then
        trilinos_kind=own
        trilinos_config=$config
        trilinos_words="yours in $folder (nothing will be installed)"
        return
      fi
    done
  done
  if [ -r /etc/os-release ]; then id=$(. /etc/os-release && echo "${ID:-}"); fi
  if [ "$id" != debian ] || ! command -v apt-get >/dev/null; then
    fail "this machine is not Debian: use spack.yaml (spack env activate .; spack install), or put the prefix of a Trilinos you have into CMAKE_PREFIX_PATH"
  fi
  if [ "$mpi" = openmpi ]; then
    trilinos_kind=debian
    trilinos_words="Debian's packages, with OpenMPI and without OpenMP"
  else
    trilinos_kind=source
    trilinos_words="$trilinos_version built from Debian's source with MPICH and OpenMP"
  fi
}

packages_missing() { # names -> those not installed, a line each
  local name
  for name in "$@"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
      echo "$name"
    fi
  done
}
packages_present() {
  command -v dpkg-query >/dev/null && [ -z "$(packages_missing "$@")" ]
}

apt_install() { # names; runs as root or through sudo
  local -a environment=(env DEBIAN_FRONTEND=noninteractive)
  # An earlier installation that was cut off would make apt refuse.
  "${as_root[@]}" "${environment[@]}" dpkg --configure -a &&
    "${as_root[@]}" "${environment[@]}" apt-get -o DPkg::Lock::Timeout=300 update &&
    "${as_root[@]}" "${environment[@]}" apt-get -o DPkg::Lock::Timeout=300 install -y \
      --no-install-recommends "$@"
}

install_packages() {
  local -a wanted=("${build_packages[@]}") missing
  case $mpi in
    mpich) wanted+=("${mpich_packages[@]}") ;;
    openmpi) wanted+=("${openmpi_packages[@]}") ;;
  esac
  if [ "$command" = test ]; then wanted+=("${test_packages[@]}"); fi
  mapfile -t missing < <(packages_missing "${wanted[@]}")
  if [ "${#missing[@]}" -eq 0 ]; then return 0; fi

  check_room /usr 2000 "installing Debian packages"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    local by_hand="apt-get install --no-install-recommends ${missing[*]}"
    command -v sudo >/dev/null ||
      fail "Debian packages are missing and there is no sudo; as root run: $by_hand"
    as_root=(sudo -n)
    if ! sudo -n true 2>/dev/null; then
      say "sudo is needed once, for: $by_hand"
      [ -t 0 ] || fail "sudo asks for a password and there is no terminal; run: sudo $by_hand"
      sudo -v || fail "without sudo this is for somebody else to run: $by_hand"
    fi
    say "with sudo: apt-get install ${missing[*]}"
  else
    say "apt-get install ${missing[*]}"
  fi
  finish_child=true # an interrupted dpkg leaves the system in pieces
  run_logged "installing ${#missing[@]} Debian packages" apt_install "${missing[@]}" ||
    fail "apt-get could not install: ${missing[*]}"
  finish_child=false
}

# Compiler wrapper of the MPI in question; Debian's plain names are links that change when another
# MPI is installed beside the first.
choose_mpi() {
  case $trilinos_kind in
    source) mpi_cxx=/usr/bin/mpicxx.mpich ;;
    debian) mpi_cxx=/usr/bin/mpicxx.openmpi ;;
    own) mpi_cxx= ;; # the one that Trilinos was built with
  esac
  if [ -n "$mpi_cxx" ] && [ ! -x "$mpi_cxx" ]; then
    fail "$mpi_cxx is missing although its package is installed"
  fi
}

# OpenMPI refuses root and more ranks than cores unless told; containers and tests need both. On a
# machine that does other things too, a rank that waits had better give its core away.
mpi_environment() {
  if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
  export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
}

cached() { # variable, folder -> its value in CMake's cache
  sed -n "s/^$1:[A-Z]*=//p" "$2/CMakeCache.txt"
}

# A Trilinos that we did not build: does it do what Ritz needs? Asked once for each.
check_given_trilinos() {
  local stamp=$build/trilinos-checked
  if [ "$trilinos_kind" = own ]; then trilinos_words=$trilinos_config; fi
  if [ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" = "$trilinos_words" ]; then return 0; fi
  mpi_environment
  run_logged "checking Trilinos with a solve on 2 ranks" trilinos_selftest "" "$build/selftest" || {
    if ! grep -q '(WRONG)' "$log"; then fail "this Trilinos does not work with Ritz"; fi
    say "direct solves (KLU2) of this Trilinos are wrong on several ranks; ritz works around it"
  }
  echo "$trilinos_words" >"$stamp"
}

# Environment in which several ranks share this machine.
share_machine() { # ranks
  local threads=$((cores / $1)) yield
  if [ "$threads" -lt 1 ]; then threads=1; fi
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$threads} OMP_PROC_BIND=${OMP_PROC_BIND:-false}
  mpi_environment
  yield=$build/lib/libritz_yield.so
  if [ "$1" -gt "$cores" ] && [ -f "$yield" ]; then
    export LD_PRELOAD=$yield${LD_PRELOAD:+:$LD_PRELOAD}
  fi
}

run_deck() {
  local status=0
  share_machine "$ranks"
  say "$mpi_exec -n $ranks $ritz run $deck ${ritz_arguments[*]}"
  "$mpi_exec" -n "$ranks" "$ritz" run "$deck" "${ritz_arguments[@]}" </dev/null &
  child=$!
  wait "$child" || status=$?
  child=
  if [ "$status" -ne 0 ]; then
    say "ritz ended with exit code $status (docs/exit-codes.md says what it means)"
  fi
  exit "$status"
}

run_tests() {
  local status=0
  mpi_environment
  say "ctest: $(ctest --test-dir "$build" -N | sed -n 's/^Total Tests: //p') tests, output in $log"
  # No test at all is an error: a build that lost its tests must not look green.
  (
    set -o pipefail
    ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$cores" </dev/null 2>&1 |
      tee -a "$log"
  ) &
  child=$!
  wait "$child" || status=$?
  child=
  exit "$status"
}

open_shell() {
  local bin=$build/shell
  mkdir -p "$bin"
  # Not links: MPICH's mpiexec looks for its helpers beside the name it was called by.
  local name
  for name in mpirun mpiexec; do
    rm -f "${bin:?}/$name"
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$mpi_exec" >"$bin/$name"
    chmod +x "$bin/$name"
  done
  ln -sf "$ritz" "$bin/ritz"
  trap - INT TERM HUP
  mpi_environment
  if [ "${#shell_command[@]}" -gt 0 ]; then PATH=$bin:$PATH exec "${shell_command[@]}"; fi
  say "ritz and mpirun are on the PATH; exit leaves this shell"
  PATH=$bin:$PATH exec "${SHELL:-bash}"
}
