// The L-shaped domain (-1,1)^2 without the quadrant x > 0, y < 0.
// gmsh -2 -format msh41 l-shape.geo -o l-shape.msh
h = 0.25;
Point(1) = {0, 0, 0, h};
Point(2) = {1, 0, 0, h};
Point(3) = {1, 1, 0, h};
Point(4) = {-1, 1, 0, h};
Point(5) = {-1, -1, 0, h};
Point(6) = {0, -1, 0, h};
For i In {1:6}
  Line(i) = {i, i % 6 + 1};
EndFor
Curve Loop(1) = {1:6};
Plane Surface(1) = {1};
Physical Curve("edge") = {1:6};
Physical Surface("domain") = {1};
