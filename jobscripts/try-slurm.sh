#!/usr/bin/env bash
# A real Slurm on this machine, for one job: starts munged, slurmctld and slurmd with everything in
# a temporary folder, submits the job script given, waits, prints its output, stops the daemons.
#   sudo jobscripts/try-slurm.sh jobscripts/slurm.sh configs/quickstart.toml
# Needs root and Debian's slurm-wlm slurm-wlm-basic-plugins munge (docs/slurm.md).
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "usage: try-slurm.sh JOBSCRIPT [ARGUMENT...]" >&2
  exit 2
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "try-slurm.sh: needs root (slurmd starts jobs as their users)" >&2
  exit 8
fi
for program in munged slurmctld slurmd sbatch srun; do
  PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || {
    echo "try-slurm.sh: $program is missing: apt-get install slurm-wlm slurm-wlm-basic-plugins munge" >&2
    exit 8
  }
done
PATH=$PATH:/usr/sbin

folder=$(mktemp -d /run/try-slurm.XXXXXX)
chmod 755 "$folder"
daemons=()
# shellcheck disable=SC2317 # called by the traps
stop() {
  local pid
  for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${daemons[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# munge proves who sent a message; its key and socket are this trial's own.
install -d -o munge -g munge -m 755 "$folder/munge"
install -d -o munge -g munge -m 700 "$folder/munge/private"
dd if=/dev/urandom of="$folder/munge/private/key" bs=1024 count=1 status=none
chown munge:munge "$folder/munge/private/key"
chmod 400 "$folder/munge/private/key"
runuser -u munge -- munged --foreground --key-file="$folder/munge/private/key" \
  --socket="$folder/munge/socket" --pid-file="$folder/munge/munged.pid" \
  --log-file="$folder/munge/private/munged.log" --seed-file="$folder/munge/private/seed" >"$folder/munged.log" 2>&1 &
daemons+=($!)

name=$(hostname -s)
mkdir "$folder/state" "$folder/spool"
cat >"$folder/slurm.conf" <<END
ClusterName=try
SlurmctldHost=$name(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
MpiDefault=pmi2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
JobRequeue=1
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
NodeName=$name NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$name Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$folder/slurm.conf

for _ in $(seq 50); do
  if [ -S "$folder/munge/socket" ]; then break; fi
  sleep 0.1
done
slurmctld -D >"$folder/slurmctld.out" 2>&1 &
daemons+=($!)
slurmd -D -N "$name" >"$folder/slurmd.out" 2>&1 &
daemons+=($!)

ready=false
for _ in $(seq 60); do
  if [ "$(sinfo -h -o %T 2>/dev/null)" = idle ]; then
    ready=true
    break
  fi
  sleep 0.5
done
if ! $ready; then
  echo "try-slurm.sh: the node did not come up; the ends of its logs:" >&2
  tail -n 20 "$folder"/*.log >&2 || true
  exit 8
fi
echo "Slurm $(sinfo --version | cut -d' ' -f2) is up with $(nproc) cores; submitting: $*"

output=$PWD/try-slurm-$$.out
status=0
sbatch --wait --output="$output" "$@" || status=$?
echo "---- output of the job"
cat "$output"
rm -f "$output"
echo "---- the job ended with exit code $status"
exit "$status"
