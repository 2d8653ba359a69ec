// NAFEMS T4: rectangle 0.6 m x 1.0 m; AB (bottom) at 100 C, DA (left) insulated, BC (right) and CD (top)
// convect to 0 C. The target point E lies on BC, 0.2 m above B.
// gmsh -2 -format msh41 nafems-heat.geo -o nafems-heat.msh
Point(1) = {0, 0, 0, 0.05};
Point(2) = {0.6, 0, 0, 0.005};
Point(3) = {0.6, 0.2, 0, 0.02};
Point(4) = {0.6, 1.0, 0, 0.05};
Point(5) = {0, 1.0, 0, 0.05};
Line(1) = {1, 2};
Line(2) = {2, 3};
Line(3) = {3, 4};
Line(4) = {4, 5};
Line(5) = {5, 1};
Curve Loop(1) = {1, 2, 3, 4, 5};
Plane Surface(1) = {1};
Physical Curve("hot") = {1};
Physical Curve("convecting") = {2, 3, 4};
Physical Curve("insulated") = {5};
Physical Surface("plate") = {1};
