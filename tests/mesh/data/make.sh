#!/bin/sh
# Makes the meshes of this folder with Gmsh (4.8.4 made the ones kept here).
set -e
cd "$(dirname "$0")"
for format in msh22 msh41; do
  for encoding in text binary; do
    [ $encoding = binary ] && flag=-bin || flag=
    for order in 1 2; do
      name="$order.$format.$encoding.msh"
      gmsh -v 1 -1 segment.geo -format $format $flag -order $order -o "line$name"
      gmsh -v 1 -2 disk.geo -format $format $flag -order $order -o "tri$name"
      gmsh -v 1 -2 disk.geo -format $format $flag -order $order -setnumber hexes 1 -o "quad$name"
      gmsh -v 1 -3 disk.geo -format $format $flag -order $order -setnumber solid 1 -o "tet$name"
      gmsh -v 1 -3 disk.geo -format $format $flag -order $order -setnumber solid 1 \
        -setnumber hexes 1 -o "hex$name"
    done
  done
  python3 swap.py "tet2.$format.binary.msh" "tet2.$format.swapped.msh"
  python3 swap.py "hex1.$format.binary.msh" "hex1.$format.swapped.msh"
done
gmsh -v 1 -2 disk.geo -part 3 -format msh41 -o tri1.partitioned.msh
gmsh -v 1 -3 disk.geo -part 3 -part_ghosts -format msh41 -bin -setnumber solid 1 -o tet1.partitioned.msh
gmsh -v 1 -2 disk.geo -part 3 -format msh22 -o tri1.partitioned22.msh
gmsh -v 1 -2 disk.geo -save_parametric -format msh41 -bin -o tri1.parametric.msh
