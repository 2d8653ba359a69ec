// Unit square, two materials meeting at x = 1/2.
// gmsh -2 -format msh22 two-materials.geo -o two-materials.msh
h = 0.12;
Point(1) = {0, 0, 0, h};
Point(2) = {0.5, 0, 0, h};
Point(3) = {1, 0, 0, h};
Point(4) = {1, 1, 0, h};
Point(5) = {0.5, 1, 0, h};
Point(6) = {0, 1, 0, h};
For i In {1:6}
  Line(i) = {i, i % 6 + 1};
EndFor
Line(7) = {2, 5};
Curve Loop(1) = {1, 7, 5, 6};
Curve Loop(2) = {2, 3, 4, -7};
Plane Surface(1) = {1};
Plane Surface(2) = {2};
Physical Curve("cold") = {6};
Physical Curve("hot") = {3};
Physical Curve("sides") = {1, 2, 4, 5};
Physical Surface("heated") = {1};
Physical Surface("conductor") = {2};
