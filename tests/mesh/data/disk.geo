// Unit disk around a square core, or the cylinder of height 1 over it. 8 segments on the circle.
// gmsh -setnumber hexes 0|1 (quads or hexes, else triangles or tets) -setnumber solid 0|1
DefineConstant[ hexes = 0, solid = 0 ];
s = Sqrt(2) / 2;
h = 1.0;
Point(9) = {0, 0, 0, h};
Point(1) = {s, s, 0, h};    Point(2) = {-s, s, 0, h};
Point(3) = {-s, -s, 0, h};  Point(4) = {s, -s, 0, h};
Point(5) = {s/2, s/2, 0, h};    Point(6) = {-s/2, s/2, 0, h};
Point(7) = {-s/2, -s/2, 0, h};  Point(8) = {s/2, -s/2, 0, h};
Circle(1) = {1, 9, 2};  Circle(2) = {2, 9, 3};  Circle(3) = {3, 9, 4};  Circle(4) = {4, 9, 1};
Line(5) = {5, 6};  Line(6) = {6, 7};  Line(7) = {7, 8};  Line(8) = {8, 5};
Line(9) = {5, 1};  Line(10) = {6, 2};  Line(11) = {7, 3};  Line(12) = {8, 4};
Curve Loop(1) = {5, 6, 7, 8};        Plane Surface(1) = {1};
Curve Loop(2) = {9, 1, -10, -5};     Plane Surface(2) = {2};
Curve Loop(3) = {10, 2, -11, -6};    Plane Surface(3) = {3};
Curve Loop(4) = {11, 3, -12, -7};    Plane Surface(4) = {4};
Curve Loop(5) = {12, 4, -9, -8};     Plane Surface(5) = {5};
Transfinite Curve {1:8} = 3;
Transfinite Curve {9:12} = 2;
If (hexes)
  Transfinite Surface {1:5};
  Recombine Surface {1:5};
EndIf
If (solid)
  out[] = {};
  side[] = {};
  For i In {1:5}
    If (hexes)
      e[] = Extrude {0, 0, 1} { Surface{i}; Layers{1}; Recombine; };
    Else
      e[] = Extrude {0, 0, 1} { Surface{i}; Layers{1}; };
    EndIf
    out[] += e[1];
    side[] += e[0];
    If (i > 1)
      round[] += e[3];
    EndIf
  EndFor
  Physical Volume("core", 10) = {out[0]};
  Physical Volume("ring", 20) = {out[1], out[2], out[3], out[4]};
  Physical Surface("bottom", 1) = {1:5};
  Physical Surface("top", 2) = {side[]};
  Physical Surface("rim", 3) = {round[]};
Else
  Physical Surface("core", 10) = {1};
  Physical Surface("ring", 20) = {2:5};
  Physical Curve("rim", 3) = {1:4};
  Physical Curve("core edge", 4) = {5:8};
EndIf
