// Heat sink: a copper base plate with aluminium fins on a chip. Lengths in metres.
// gmsh -3 -format msh41 -bin heat-sink.geo -o heat-sink.msh
SetFactory("OpenCASCADE");

width = 0.060;         // x and y
base_height = 0.006;   // z from 0
fin_height = 0.024;
fin_thickness = 0.003;
n_fins = 7;
chip = 0.020;          // heated square in the middle of the underside

Box(1) = {-width/2, -width/2, 0, width, width, base_height};
pitch = (width - fin_thickness) / (n_fins - 1);
For i In {0:n_fins-1}
  Box(10 + i) = {-width/2 + i*pitch, -width/2, base_height, fin_thickness, width, fin_height};
EndFor
Rectangle(1000) = {-chip/2, -chip/2, 0, chip, chip};
BooleanFragments{ Volume{:}; Delete; }{ Surface{1000}; Delete; }

eps = 1e-6;
base() = Volume In BoundingBox{-width/2-eps, -width/2-eps, -eps, width/2+eps, width/2+eps, base_height+eps};
fins() = Volume{:};
fins() -= base();
Physical Volume("base") = {base()};
Physical Volume("fins") = {fins()};

chip_face() = Surface In BoundingBox{-chip/2-eps, -chip/2-eps, -eps, chip/2+eps, chip/2+eps, eps};
under() = Surface In BoundingBox{-width/2-eps, -width/2-eps, -eps, width/2+eps, width/2+eps, eps};
under() -= chip_face();
outer() = CombinedBoundary{ Volume{:}; };
air() = {};
For i In {0:#outer()-1}
  s = Fabs(outer(i));
  keep = 1;
  For j In {0:#chip_face()-1}
    If (s == chip_face(j)) keep = 0; EndIf
  EndFor
  For j In {0:#under()-1}
    If (s == under(j)) keep = 0; EndIf
  EndFor
  If (keep) air() += {s}; EndIf
EndFor
Physical Surface("chip") = {chip_face()};
Physical Surface("underside") = {under()};
Physical Surface("air") = {air()};

Mesh.MeshSizeMax = 0.0028;
Mesh.MeshSizeMin = 0.0015;
