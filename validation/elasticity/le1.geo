// NAFEMS LE1, elliptic membrane, curved cells: gmsh -2 -format msh41 le1.geo
Point(1) = {0, 0, 0}; Point(2) = {2, 0, 0}; Point(3) = {3.25, 0, 0}; Point(4) = {0, 2.75, 0}; Point(5) = {0, 1, 0};
Line(1) = {2, 3}; Ellipse(2) = {3, 1, 3, 4}; Line(3) = {4, 5}; Ellipse(4) = {5, 1, 2, 2};
Curve Loop(1) = {1, 2, 3, 4}; Plane Surface(1) = {1};
// Smaller towards D = (2, 0), where the stress is asked for.
Transfinite Curve{1, -3} = 7 Using Progression 1.2; Transfinite Curve{-2, 4} = 13 Using Progression 1 / 1.1;
Transfinite Surface{1}; Recombine Surface{1};
Mesh.ElementOrder = 2; Mesh.SecondOrderIncomplete = 0;
Physical Curve("hole") = {4}; Physical Curve("outer") = {2};
Physical Curve("bottom") = {1}; Physical Curve("left") = {3}; Physical Surface("membrane") = {1};
