#!/bin/bash
# Ritz under PBS (OpenPBS, PBS Pro):  qsub -v DECK=deck.toml jobscripts/pbs.sh
# More arguments of ritz run: -v DECK=deck.toml,ARGUMENTS="--overwrite --set space.degree=2"
# ncpus = mpiprocs x ompthreads = physical cores of a node.
#PBS -N ritz
#PBS -l select=1:ncpus=2:mpiprocs=2:ompthreads=1
#PBS -l walltime=01:00:00
#PBS -j oe
#PBS -r y
set -uo pipefail
cd "${PBS_O_WORKDIR:-.}" || exit 8

if [ -z "${DECK:-}" ]; then
  echo "usage: qsub -v DECK=deck.toml jobscripts/pbs.sh" >&2
  exit 2
fi
ritz=${RITZ:-ritz} # -v RITZ=/path/to/build/bin/ritz when it is not on the PATH
arguments=()
read -r -a arguments <<<"${ARGUMENTS:-}"

# PBS sets OMP_NUM_THREADS from ompthreads; mpirun gives every rank its own cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export OMP_PROC_BIND=spread OMP_PLACES=threads
ranks=$(wc -l <"$PBS_NODEFILE")

# -bind-to is MPICH's (Hydra's) spelling; OpenMPI: --map-by slot:PE=$OMP_NUM_THREADS --bind-to core
status=0
mpirun -n "$ranks" -f "$PBS_NODEFILE" -bind-to "core:$OMP_NUM_THREADS" \
  "$ritz" run "$DECK" "${arguments[@]}" --resume || status=$?

# 75 and only 75 means: stopped at a good checkpoint after some progress, run again
# (docs/exit-codes.md).
if [ "$status" -eq 75 ]; then
  echo "stopped at a checkpoint; submitting the next round"
  qsub -v "DECK=$DECK,ARGUMENTS=${ARGUMENTS:-},RITZ=$ritz" \
    "${RITZ_JOBSCRIPT:-jobscripts/pbs.sh}"
fi
exit "$status"
