select journal.give_inbox('directory');
