//! The models known by nickname. (Stands in for the real one until it is merged.)

use super::Family;

pub struct Entry {
    pub nickname: String,
    pub id: String,
    pub family: Family,
    pub file_stem: String,
}

pub struct Catalogue(Vec<Entry>);

impl Catalogue {
    pub fn builtin() -> Self {
        Catalogue(vec![Entry {
            nickname: "R-Lla-3B".into(),
            id: "Ray2333/GRM-Llama3.2-3B-rewardmodel-ft".into(),
            family: Family::Llama,
            file_stem: "Ray2333_GRM-Llama3.2-3B-rewardmodel-ft".into(),
        }])
    }
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|e| e.nickname == name || e.id == name || e.file_stem == name)
    }
}
