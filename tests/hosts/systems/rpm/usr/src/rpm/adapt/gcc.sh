ln -s gcc usr/bin/cc
