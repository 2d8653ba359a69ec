#!/bin/bash
# Ritz under LSF:  bsub -J ritz -n 2 -R "span[ptile=2]" -W 60 -wt 3 -wa USR2 -Q 75 \
#                       -o ritz-%J.log jobscripts/lsf.sh deck.toml [arguments of ritz run]
# LSF has no variable with the limit: -wt and -wa send SIGUSR2 three minutes before it, upon which
# Ritz writes a checkpoint and ends with 75; give it more where a step and a checkpoint take longer.
# -Q 75 puts the job back into the queue on exit code 75 and only then (docs/exit-codes.md).
set -uo pipefail

if [ $# -eq 0 ]; then
  echo "usage: bsub [limits, see the head of this file] jobscripts/lsf.sh deck.toml [arguments of ritz run]" >&2
  exit 2
fi
ritz=${RITZ:-ritz} # bsub -env "all, RITZ=/path/to/build/bin/ritz" when it is not on the PATH

# One thread a core; mpirun gives every rank its own.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export OMP_PROC_BIND=spread OMP_PLACES=threads
# The warning goes to every process of the job: this shell and mpirun must not end by it.
trap '' USR2

status=0
mpirun -n "${LSB_DJOB_NUMPROC:-1}" ${LSB_DJOB_HOSTFILE:+-f "$LSB_DJOB_HOSTFILE"} \
  -bind-to "core:$OMP_NUM_THREADS" "$ritz" run "$@" --resume || status=$?
if [ "$status" -eq 75 ]; then
  echo "stopped at a checkpoint; the job goes back into the queue"
fi
exit "$status"
