// Quarter of a thick-walled cylinder with curved cells: gmsh -2 -format msh41 cylinder.geo
Point(1) = {0, 0, 0}; Point(2) = {1, 0, 0}; Point(3) = {2, 0, 0}; Point(4) = {0, 2, 0}; Point(5) = {0, 1, 0};
Line(1) = {2, 3}; Circle(2) = {3, 1, 4}; Line(3) = {4, 5}; Circle(4) = {5, 1, 2};
Curve Loop(1) = {1, 2, 3, 4}; Plane Surface(1) = {1};
Transfinite Curve{1, 3} = 5; Transfinite Curve{2, 4} = 10;
Transfinite Surface{1}; Recombine Surface{1};
Mesh.ElementOrder = 2; Mesh.SecondOrderIncomplete = 0;
Physical Curve("inner") = {4}; Physical Curve("outer") = {2};
Physical Curve("bottom") = {1}; Physical Curve("left") = {3}; Physical Surface("wall") = {1};
