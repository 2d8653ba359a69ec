// Cook's membrane: gmsh -2 -format msh41 cook.geo
Point(1) = {0, 0, 0}; Point(2) = {48, 44, 0}; Point(3) = {48, 60, 0}; Point(4) = {0, 44, 0};
Line(1) = {1, 2}; Line(2) = {2, 3}; Line(3) = {3, 4}; Line(4) = {4, 1};
Curve Loop(1) = {1, 2, 3, 4}; Plane Surface(1) = {1};
// Smaller towards the clamped edge, whose upper corner is singular.
Transfinite Curve{1, -3} = 9 Using Progression 1.25;
Transfinite Curve{2, -4} = 9 Using Progression 1 / 1.25;
Transfinite Surface{1}; Recombine Surface{1};
Physical Curve("clamped") = {4}; Physical Curve("pulled") = {2}; Physical Curve("free") = {1, 3};
Physical Surface("membrane") = {1};
