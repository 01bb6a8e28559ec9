//! Who is below whom.
//!
//! The places are numbers in one vector, so that cutting off and giving up are loops over numbers,
//! however deep the tree is.
//!
//! A node that is dropped leaves the tree; its children go to its parent. Moving many children
//! would take long, so a node with more than one stays behind as a *fork*, a place without a token,
//! until it has only one child left. Each fork joins two branches at least, so there are fewer
//! forks than tokens.

use std::ptr;
use std::sync::{Arc, Weak};

use super::Node;

/// The place of the root, which never leaves.
pub(super) const ROOT: u32 = 0;

/// No place.
const NONE: u32 = u32::MAX;

/// So much memory is kept when the tree is empty.
const KEPT: usize = 32;

/// The places of a tree.
pub(super) struct Tree {
    /// Empty until the root has a child for the first time.
    places: Vec<Place>,
    /// The first of the places that are free, linked through `next`.
    free: u32,
    /// How many places are taken, apart from the root's.
    len: usize,
}

struct Place {
    /// Dead in the root, in a fork, and in a free place.
    token: Weak<Node>,
    parent: u32,
    first_child: u32,
    /// The neighbours below the same parent.
    previous: u32,
    next: u32,
}

impl Tree {
    pub(super) const fn new() -> Tree {
        Tree { places: Vec::new(), free: NONE, len: 0 }
    }

    /// How many places are taken, apart from the root's.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Makes a place below `parent`, for a node that [settles](Tree::settle) there.
    pub(super) fn add(&mut self, parent: u32) -> u32 {
        if self.places.is_empty() {
            self.places.push(Place::alone(NONE));
        }
        let index = match self.free {
            NONE => {
                let index = u32::try_from(self.places.len()).ok().filter(|index| *index != NONE);
                let index = index.expect("a tree of tokens has room for four thousand million");
                self.places.push(Place::alone(parent));
                index
            }
            free => {
                self.free = self.at(free).next;
                *self.at(free) = Place::alone(parent);
                free
            }
        };
        let next = std::mem::replace(&mut self.at(parent).first_child, index);
        self.at(index).next = next;
        if next != NONE {
            self.at(next).previous = index;
        }
        self.len += 1;
        index
    }

    pub(super) fn settle(&mut self, index: u32, token: Weak<Node>) {
        self.at(index).token = token;
    }

    /// Takes `token` out, whose last handle is gone, unless somebody has cut it off meanwhile.
    pub(super) fn remove(&mut self, index: u32, token: &Node) {
        match self.places.get(index as usize) {
            // It is not anybody else yet: the dead token holds its memory until it is let go here.
            Some(place) if ptr::eq(place.token.as_ptr(), token) => {}
            _ => return,
        }
        self.at(index).token = Weak::new();
        let parent = self.at(index).parent;
        if self.at(index).first_child == NONE {
            self.unlink(index);
            self.give_back(index);
            self.straighten(parent);
        } else {
            self.straighten(index);
        }
        self.shrink();
    }

    /// Cuts off everything below `top`, and `top` itself. Returns the tokens below, parents first,
    /// and what is left of the tree, to be dropped without the lock.
    pub(super) fn cut(&mut self, top: u32) -> (Vec<Arc<Node>>, Tree) {
        if self.places.is_empty() {
            return (Vec::new(), Tree::new());
        }
        let mut order = vec![top];
        let mut tokens = Vec::new();
        let mut next = 0;
        while let Some(&index) = order.get(next) {
            next += 1;
            let mut child = self.at(index).first_child;
            while child != NONE {
                order.push(child);
                // A token whose last handle is gone looks after itself.
                tokens.extend(self.at(child).token.upgrade());
                child = self.at(child).next;
            }
        }
        if top == ROOT {
            return (tokens, std::mem::replace(self, Tree::new()));
        }
        let parent = self.at(top).parent;
        self.unlink(top);
        order.into_iter().for_each(|index| self.give_back(index));
        self.straighten(parent);
        self.shrink();
        (tokens, Tree::new())
    }

    /// Lets the only child of a place without a token take that place.
    fn straighten(&mut self, index: u32) {
        let Place { ref token, parent, first_child: child, previous, next } = *self.at(index);
        if index == ROOT || token.strong_count() != 0 || child == NONE {
            return;
        }
        if self.at(child).next != NONE {
            return;
        }
        let moved = self.at(child);
        (moved.parent, moved.previous, moved.next) = (parent, previous, next);
        self.link(parent, previous, next, child, child);
        self.give_back(index);
    }

    /// Takes a place out from among its neighbours.
    fn unlink(&mut self, index: u32) {
        let Place { parent, previous, next, .. } = *self.at(index);
        self.link(parent, previous, next, next, previous);
    }

    /// Makes `after` follow `previous`, and `before` precede `next`, below `parent`.
    fn link(&mut self, parent: u32, previous: u32, next: u32, after: u32, before: u32) {
        match previous {
            NONE => self.at(parent).first_child = after,
            previous => self.at(previous).next = after,
        }
        if next != NONE {
            self.at(next).previous = before;
        }
    }

    fn give_back(&mut self, index: u32) {
        let free = self.free;
        let place = self.at(index);
        *place = Place::alone(NONE);
        place.next = free;
        self.free = index;
        self.len -= 1;
    }

    /// Gives memory back once nobody needs it.
    fn shrink(&mut self) {
        if self.len == 0 {
            self.places.truncate(1);
            self.places.shrink_to(KEPT);
            self.free = NONE;
        }
    }

    fn at(&mut self, index: u32) -> &mut Place {
        &mut self.places[index as usize]
    }
}

impl Place {
    fn alone(parent: u32) -> Place {
        let token = Weak::new();
        Place { token, parent, first_child: NONE, previous: NONE, next: NONE }
    }
}
